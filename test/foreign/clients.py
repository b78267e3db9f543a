"""Reads and writes a stream's topics with the clients that Python users have; knows nothing of gainstream.

    clients.py read  ASK.json ANSWER.json    {brokers, registry, topics, count} -> the records, keys and headers
    clients.py write ASK.json ANSWER.json    {brokers, registry, topic, key, headers, value} -> partition and offset
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


def read(ask, registry):
    consumer = Consumer(
        {
            "bootstrap.servers": ask["brokers"],
            "group.id": ask["topics"][0] + ".python",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    decode = AvroDeserializer(registry)
    consumer.subscribe(ask["topics"])
    found = []
    deadline = time.monotonic() + 45
    settled = None  # a little longer than needed, so that a record too many is seen
    while time.monotonic() < (settled or deadline):
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise RuntimeError(message.error())
        found.append(
            {
                "topic": message.topic(),
                "partition": message.partition(),
                "key": message.key().decode(),
                "headers": {name: value.decode() for name, value in message.headers() or []},
                "value": decode(message.value(), SerializationContext(message.topic(), MessageField.VALUE)),
            }
        )
        if len(found) == ask["count"]:
            settled = time.monotonic() + 2
    consumer.close()
    return found


def write(ask, registry):
    # The schema is whatever is registered as the newest: this client is told of none, and registers none.
    encode = AvroSerializer(registry, conf={"auto.register.schemas": False, "use.latest.version": True})
    producer = Producer({"bootstrap.servers": ask["brokers"], "enable.idempotence": True})
    delivered = []

    def told(error, message):
        if error is not None:
            raise RuntimeError(error)
        delivered.append({"partition": message.partition(), "offset": message.offset()})

    producer.produce(
        ask["topic"],
        key=ask["key"].encode(),
        value=encode(ask["value"], SerializationContext(ask["topic"], MessageField.VALUE)),
        headers=[(name, value.encode()) for name, value in ask["headers"].items()],
        on_delivery=told,
    )
    producer.flush(30)
    return delivered


if __name__ == "__main__":
    what, asked, answer = sys.argv[1:]
    with open(asked, encoding="utf-8") as file:
        ask = json.load(file)
    client = SchemaRegistryClient({"url": ask["registry"]})
    with open(answer, "w", encoding="utf-8") as file:
        json.dump({"read": read, "write": write}[what](ask, client), file)
