import java.util.*;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.state.*;

/**
 * The processor made of Kafka Streams with exactly_once_v2: writes each value of "in" to "out" with the number of values that
 * its key has had, which it keeps in a store with a changelog. It tells "counted" for each, until it is killed.
 */
public class Count implements FixedKeyProcessor<String, String, String> {
    private FixedKeyProcessorContext<String, String> context;
    private KeyValueStore<String, Long> store;

    public static void main(String[] arguments) {
        Orphan.endsHere();
        var builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("counts"), Serdes.String(), Serdes.Long()));
        builder.stream("in", Consumed.with(Serdes.String(), Serdes.String()))
            .processValues(Count::new, "counts")
            .to("out", Produced.with(Serdes.String(), Serdes.String()));
        var properties = new Properties();
        properties.putAll(Map.of(
            "application.id", "loop", "bootstrap.servers", arguments[0], "processing.guarantee", "exactly_once_v2",
            "state.dir", arguments[1], "commit.interval.ms", "100", "num.stream.threads", "1", "replication.factor", "1",
            "max.poll.records", "20", "session.timeout.ms", "1000", "heartbeat.interval.ms", "100"));
        properties.put("auto.offset.reset", "earliest");
        properties.put("producer.linger.ms", "0"); // Else nothing is written before the commit, and no kill leaves anything.
        var streams = new KafkaStreams(builder.build(), properties);
        streams.setUncaughtExceptionHandler(trouble -> {
            trouble.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.start();
    }

    @Override
    public void init(FixedKeyProcessorContext<String, String> context) {
        this.context = context;
        store = context.getStateStore("counts");
    }

    @Override
    public void process(FixedKeyRecord<String, String> input) {
        LockSupport.parkNanos(1_000_000); // Its work: else all is done before the first kill.
        var before = store.get(input.key());
        long count = before == null ? 1 : before + 1;
        store.put(input.key(), count);
        context.forward(input.withValue(input.value() + " is " + count));
        System.out.println("counted");
        System.out.flush();
    }
}
