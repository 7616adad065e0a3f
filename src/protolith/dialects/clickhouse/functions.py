"""The functions of ClickHouse that keys, partitions, lifetimes and defaults may call."""

DEFAULTS = {
    "CURRENT_TIMESTAMP": "now64(6, 'UTC')",
    "CURRENT_DATE": "toDate32(now('UTC'))",
    "CURRENT_DATETIME": "now64(6, 'UTC')",
    "GENERATE_UUID": "toString(generateUUIDv4())",
}
WITHOUT_NULL = frozenset({"assumeNotNull", "ifNull", "coalesce", "isNull", "isNotNull"})
"""What gives no NULL for a NULL, as far as one can tell without the engine."""

_DATES = """
toYear toQuarter toMonth toDayOfMonth toDayOfWeek toDayOfYear toHour toMinute toSecond toYYYYMM
toYYYYMMDD toYYYYMMDDhhmmss toISOYear toISOWeek toStartOfYear toStartOfISOYear toStartOfQuarter
toStartOfMonth toStartOfWeek toMonday toStartOfDay toStartOfHour toStartOfMinute
toStartOfFiveMinutes toStartOfTenMinutes toStartOfFifteenMinutes toDate32 toDateTime toDateTime64
toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth
toIntervalQuarter toIntervalYear addSeconds addMinutes addHours addDays addWeeks addMonths
addQuarters addYears toUnixTimestamp toUnixTimestamp64Milli toUnixTimestamp64Micro
"""
_NUMBERS = """
intDiv intDivOrZero modulo positiveModulo abs sign floor ceil round trunc greatest least bitAnd
bitOr bitXor bitShiftRight bitShiftLeft toInt8 toInt16 toInt32 toInt64 toUInt8 toUInt16 toUInt32
toUInt64 toFloat64 roundDown
"""
_TEXTS = """
lower upper lowerUTF8 upperUTF8 left right substring substringUTF8 length lengthUTF8 empty
notEmpty trimBoth toString concat startsWith domain reverse hex
"""
_HASHES = (
    "cityHash64 sipHash64 xxHash32 xxHash64 farmHash64 murmurHash3_64 halfMD5 intHash32 intHash64"
)
_OTHER = "if multiIf ifNull coalesce assumeNotNull isNull isNotNull nullIf tuple tupleElement"
DETERMINISTIC = tuple(f"{_DATES} {_NUMBERS} {_TEXTS} {_HASHES} {_OTHER}".split())

HINTS = {
    "todate": "toDate32: toDate is another day before 1970 and after 2149, without a word",
    "now": "a key or lifetime is computed from columns alone",
}
"""What to say of functions that one would expect."""
