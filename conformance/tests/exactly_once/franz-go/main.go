// The processor made of franz-go: copies "in" to "out" in transactions until it is killed, and tells how far it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	txnOffsetCommit = 28
	endTxn          = 26
	batch           = 20
	// This transaction of each life is given up, as an application does that cannot go on.
	givenUp = 3
)

func main() {
	if len(os.Args) != 3 || (os.Args[2] != "classic" && os.Args[2] != "consumer") {
		fail("usage: franz-go HOST:PORT classic|consumer")
	}
	go endWithTheParent()
	context, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	session := started(os.Args[1], os.Args[2] == "consumer")
	defer session.Close()
	// By itself the client asks for a producer id when it first produces. Until then the transaction of the one that was
	// killed stays open, and offsets pending in it keep this one from its first record.
	_, _, err := session.Client().ProducerID(context)
	check(err)
	for count := 1; ; count++ {
		polled := session.PollRecords(context, batch)
		if err := polled.Err(); err != nil {
			// The group is not there yet; the client goes on by itself.
			if session := new(kgo.ErrGroupSession); errors.As(err, &session) {
				continue
			}
			check(err)
		}
		fmt.Println("polled")
		check(session.Begin())
		outputs := make([]*kgo.Record, 0, batch)
		polled.EachRecord(func(input *kgo.Record) {
			outputs = append(outputs, &kgo.Record{Topic: "out", Partition: input.Partition, Value: input.Value})
		})
		check(session.ProduceSync(context, outputs...).FirstErr())
		fmt.Println("sent")
		committed, err := session.End(context, kgo.TransactionEndTry(count != givenUp))
		check(err)
		if committed {
			fmt.Println("committed")
		}
	}
}

func started(address string, consumerProtocol bool) *kgo.GroupTransactSession {
	options := []kgo.Opt{
		kgo.SeedBrokers(address),
		kgo.TransactionalID("loop"),
		kgo.ConsumerGroup("loop"),
		kgo.ConsumeTopics("in"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.SessionTimeout(time.Second),
		kgo.HeartbeatInterval(100 * time.Millisecond),
		kgo.WithHooks(stages{}),
	}
	if consumerProtocol {
		options = append(options, kgo.ServerSideBalancer())
	}
	session, err := kgo.NewGroupTransactSession(options...)
	check(err)
	return session
}

// What the session does by itself at the end of a transaction, told as it happens.
type stages struct{}

func (stages) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == endTxn && err == nil {
		fmt.Println("committing")
	}
}

func (stages) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == txnOffsetCommit && err == nil {
		fmt.Println("offsets")
	}
}

// The standard input is a pipe from the test that started this: it ends with the test, however that ends.
func endWithTheParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	fail("whoever started this is gone")
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "franz-go:", why)
	os.Exit(1)
}
