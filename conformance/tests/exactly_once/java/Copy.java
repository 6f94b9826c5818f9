import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/** The processor made of Kafka's own clients: copies "in" to "out" in transactions until it is killed, and tells how far it is. */
public class Copy {
    /** This transaction of each life is given up, as an application does that cannot go on. */
    static final int GIVEN_UP = 3;

    public static void main(String[] arguments) {
        Orphan.endsHere();
        var producer = new KafkaProducer<>(Map.of(
            "bootstrap.servers", arguments[0], "transactional.id", "loop"), new StringSerializer(), new StringSerializer());
        var consumer = new KafkaConsumer<>(Map.of(
            "bootstrap.servers", arguments[0], "group.id", "loop", "group.protocol", "consumer", "enable.auto.commit", "false",
            "auto.offset.reset", "earliest", "isolation.level", "read_committed", "max.poll.records", "20"),
            new StringDeserializer(), new StringDeserializer());
        producer.initTransactions();
        consumer.subscribe(List.of("in"));
        for (int count = 1; ; ) {
            var inputs = consumer.poll(Duration.ofSeconds(1));
            if (inputs.isEmpty()) continue;
            try {
                copied(inputs, consumer, producer, count++ == GIVEN_UP);
            } catch (ProducerFencedException | OutOfOrderSequenceException | AuthorizationException fatal) {
                throw fatal;
            } catch (KafkaException stalled) {
                // A member that said nothing for a session is out of its group: what it read is another's, its outputs do not count.
                System.err.println("given up: " + stalled);
                producer.abortTransaction();
                joinAnew(consumer);
            }
        }
    }

    static void copied(ConsumerRecords<String, String> inputs, KafkaConsumer<String, String> consumer,
            KafkaProducer<String, String> producer, boolean givenUp) {
        tell("polled");
        producer.beginTransaction();
        for (var input : inputs)
            producer.send(new ProducerRecord<>("out", input.partition(), input.key(), input.value()));
        producer.flush();
        tell("sent");
        if (givenUp) {
            producer.abortTransaction();
            backToCommitted(consumer);
            return;
        }
        producer.sendOffsetsToTransaction(inputs.nextOffsets(), consumer.groupMetadata());
        tell("offsets");
        tell("committing");
        producer.commitTransaction();
        tell("committed");
    }

    /** What was given up is read again. */
    static void backToCommitted(KafkaConsumer<String, String> consumer) {
        var assigned = consumer.assignment();
        var committed = consumer.committed(assigned);
        try {
            for (TopicPartition partition : assigned) {
                var offset = committed.get(partition);
                if (offset == null) consumer.seekToBeginning(List.of(partition));
                else consumer.seek(partition, offset);
            }
        } catch (IllegalStateException moved) {
            joinAnew(consumer);
        }
    }

    /** Whatever it is given then it reads from what is committed. */
    static void joinAnew(KafkaConsumer<String, String> consumer) {
        consumer.unsubscribe();
        consumer.subscribe(List.of("in"));
    }

    static void tell(String stage) {
        System.out.println(stage);
        System.out.flush();
    }
}
