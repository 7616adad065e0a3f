"""Topics of Kafka into tables."""

from protolith.kafka.consuming import Bounds, Consumed, Consumption
from protolith.kafka.reading import Topic, read_settings

__all__ = ["Bounds", "Consumed", "Consumption", "Topic", "read_settings"]
