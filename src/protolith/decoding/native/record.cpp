#include "record.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace protolith {

namespace {

constexpr int kDeepest = 90;  // upb ends at 100
constexpr int64_t kBillion = 1'000'000'000;
constexpr int64_t kFirstSecond = -62'135'596'800, kLastSecond = 253'402'300'799;
constexpr int64_t kLongest = 315'576'000'000;
constexpr int64_t kFewKeys = 16;
constexpr size_t kFewWords = 4, kFewOneofs = 16;

void put_default(const Default& given, int64_t row) {
    Column& column = *given.column;
    if (column.has(row)) return;
    switch (column.form) {
        case Form::record:
        case Form::list: column.open(row); break;
        case Form::text: column.set_text(row, column.pad_text, column.pad_size); break;
        case Form::bits128:
            column.open(row);
            std::memset(column.values.data + 16 * row, 0, 16);
            break;
        default: column.set_whole(row, given.value);
    }
}

struct Seconds {
    int64_t seconds = 0;
    int64_t nanos = 0;
};

Seconds seconds_in(Input inner) {
    Seconds found;
    while (!inner.empty()) {
        uint32_t tag = inner.tag();
        if (tag == 8) {
            found.seconds = static_cast<int64_t>(inner.varint());
        } else if (tag == 16) {
            found.nanos = static_cast<int32_t>(inner.varint());
        } else {
            throw Unusual{};
        }
    }
    return found;
}

int64_t in_nanos(const Seconds& found) {
    __int128 total = static_cast<__int128>(found.seconds) * kBillion + found.nanos;
    if (total > INT64_MAX || total < INT64_MIN) throw Unusual{};
    return static_cast<int64_t>(total);
}

// Whether a field without presence is set: the last value on the wire is not its default.
bool is_listed(const Node& root, Input input) {
    std::unordered_map<uint32_t, bool> set;
    while (!input.empty()) {
        uint32_t tag = input.tag();
        bool value = true;
        switch (tag & 7) {
            case kVarint: value = input.varint() != 0; break;
            case kFixed64: value = input.fixed64() != 0; break;
            case kFixed32: value = input.fixed32() != 0; break;
            case kLength: value = input.bytes().size() != 0; break;
            default: throw Unusual{};
        }
        if (root.find(tag >> 3) != nullptr) set[tag >> 3] = value;
    }
    return std::any_of(set.begin(), set.end(), [](const auto& pair) { return pair.second; });
}

template <typename Key>
bool repeats(int64_t first, int64_t last, Key key) {
    if (last - first <= kFewKeys) {
        for (int64_t i = first; i < last; ++i)
            for (int64_t j = first; j < i; ++j)
                if (key(i) == key(j)) return true;
        return false;
    }
    std::unordered_set<std::string_view> seen;
    for (int64_t i = first; i < last; ++i)
        if (!seen.insert(key(i)).second) return true;
    return false;
}

}  // namespace

void Record::decode(Input input, int64_t row) {
    unknown_.clear();
    cut_.clear();
    maps_.clear();
    known_ = false;
    Input all = input;
    message(*program_.root, input, row, 0, 0);
    if (!maps_.empty()) check_maps();
    if (!unknown_.empty() && !known_ && !is_listed(*program_.root, all)) throw Unusual{};
}

void Record::count() {
    for (int64_t key : unknown_) ++program_.unknown[key];
    for (int32_t counter : cut_) ++program_.cut[static_cast<size_t>(counter)];
}

void Record::message(const Node& node, Input& input, int64_t row, int depth, uint32_t group) {
    if (depth > kDeepest) throw Unusual{};
    for (const Default& given : node.defaults) put_default(given, row);
    uint64_t few_words[kFewWords] = {};
    std::vector<uint64_t> many_words;
    uint64_t* seen = few_words;
    if (node.required.size() > kFewWords) {
        many_words.resize(node.required.size());
        seen = many_words.data();
    }
    const Field* few_members[kFewOneofs];
    std::vector<const Field*> many_members;
    const Field** members = few_members;
    if (node.oneofs > static_cast<int32_t>(kFewOneofs)) {
        many_members.resize(static_cast<size_t>(node.oneofs));
        members = many_members.data();
    } else {
        std::fill_n(few_members, node.oneofs, nullptr);
    }
    for (;;) {
        if (input.empty()) {
            if (group != 0) throw Unusual{};
            break;
        }
        uint32_t tag = input.tag();
        uint32_t number = tag >> 3, wire = tag & 7;
        const Field* field = node.find(number);
        if (field == nullptr) {
            if (wire == kEndGroup && group != 0 && number == group) break;
            if (number == 0 || node.entry) throw Unusual{};
            skip(input, wire, number, depth);
            unknown_.push_back((int64_t{node.message} << 32) | number);
            continue;
        }
        if (field->bit >= 0) {
            uint64_t bit = uint64_t{1} << field->bit % 64;
            uint64_t& word = seen[field->bit / 64];
            if (field->once && (word & bit) != 0) throw Unusual{};
            word |= bit;
        }
        if (field->wire != wire) {
            if (wire == kEndGroup && group != 0 && number == group) break;
            if (wire != kLength || !field->repeated || field->operation > Operation::float64)
                throw Unusual{};
            packed(*field, input, row);
            continue;
        }
        if (field->oneof >= 0) choose(*field, members, row);
        if (depth == 0 && (field->presence || field->repeated)) known_ = true;
        single(*field, input, row, depth);
    }
    for (size_t word = 0; word < node.required.size(); ++word)
        if ((seen[word] & node.required[word]) != node.required[word]) throw Unusual{};
    for (const Column* column : node.must)
        if (!column->has(row)) throw Unusual{};
}

void Record::choose(const Field& field, const Field** members, int64_t row) {
    const Field*& chosen = members[field.oneof];
    if (chosen != nullptr && chosen != &field) {
        // What was counted of the other member would have to be taken back too.
        if (!unknown_.empty() || !cut_.empty()) throw Unusual{};
        for (Column* column : chosen->cleared) column->truncate(row);
    }
    chosen = &field;
    if (field.member != nullptr)
        field.member->set_text(row, field.member_name.data, field.member_name.size);
}

void Record::single(const Field& field, Input& input, int64_t row, int depth) {
    Column* column = field.column;
    if (field.operation == Operation::map) return map_entry(field, input.bytes(), row, depth);
    if (field.repeated && column != nullptr) {
        row = column->append(row);
        column = column->children[0];
    }
    if (field.operation <= Operation::bytes) return scalar(field, column, input, row);
    if (field.operation == Operation::group) {
        if (column != nullptr) column->open(row);
        return message(*field.node, input, row, depth + 1, static_cast<uint32_t>(field.number));
    }
    Input inner = input.bytes();
    switch (field.operation) {
        case Operation::timestamp: return timestamp(field, column, inner, row);
        case Operation::duration: return duration(column, inner, row);
        case Operation::document:
            column->set_text(row, inner.at, inner.size());
            return message(*field.node, inner, row, depth + 1, 0);
        default:
            // The column of a message that stands for its one value is that value's.
            if (column != nullptr && column->form == Form::record) column->open(row);
            return message(*field.node, inner, row, depth + 1, 0);
    }
}

void Record::packed(const Field& field, Input& input, int64_t row) {
    Input inner = input.bytes();
    Column* list = field.column;
    if (!inner.empty()) known_ = true;  // of a nested record: then its own field is known already
    while (!inner.empty()) {
        if (list == nullptr) {
            scalar(field, nullptr, inner, row);
        } else {
            scalar(field, list->children[0], inner, list->append(row));
        }
    }
}

void Record::scalar(const Field& field, Column* column, Input& input, int64_t row) {
    switch (field.operation) {
        case Operation::boolean: return whole(field, column, row, input.varint() != 0);
        case Operation::int32: return whole(field, column, row, static_cast<int32_t>(input.varint()));
        case Operation::int64:
        case Operation::uint64: return whole(field, column, row, static_cast<int64_t>(input.varint()));
        case Operation::uint32: return whole(field, column, row, static_cast<uint32_t>(input.varint()));
        case Operation::sint32:
            return whole(field, column, row, unzigzag(static_cast<uint32_t>(input.varint())));
        case Operation::sint64: return whole(field, column, row, unzigzag(input.varint()));
        case Operation::enumeration:
            return enumeration(field, column, row, static_cast<int32_t>(input.varint()));
        case Operation::fixed32: return whole(field, column, row, input.fixed32());
        case Operation::sfixed32: return whole(field, column, row, static_cast<int32_t>(input.fixed32()));
        case Operation::fixed64:
        case Operation::sfixed64: return whole(field, column, row, static_cast<int64_t>(input.fixed64()));
        case Operation::float32: {
            uint32_t bits = input.fixed32();
            if (column == nullptr) return;
            if (column->form == Form::bits32) return column->set<uint32_t>(row, bits);
            float value;
            std::memcpy(&value, &bits, 4);
            return column->set<double>(row, value);
        }
        case Operation::float64: {
            uint64_t bits = input.fixed64();
            if (column != nullptr) column->set<uint64_t>(row, bits);
            return;
        }
        default: {
            Input bytes = input.bytes();
            if (field.operation == Operation::text && !is_utf8(bytes.at, bytes.end)) throw Unusual{};
            if (column != nullptr) column->set_text(row, bytes.at, bytes.size());
        }
    }
}

void Record::whole(const Field& field, Column* column, int64_t row, int64_t value) {
    if (field.fits_signed && value < 0) throw Unusual{};
    if (column == nullptr) return;
    if (column->form != Form::bits128) return column->set_whole(row, value);
    bool is_unsigned = field.operation == Operation::uint64 || field.operation == Operation::fixed64;
    int64_t both[2] = {value, is_unsigned ? 0 : value >> 63};
    column->open(row);
    std::memcpy(column->values.data + 16 * row, both, 16);
}

void Record::enumeration(const Field& field, Column* column, int64_t row, int32_t number) {
    const Text* name = field.names->find(number);
    if (name == nullptr && field.names->closed) throw Unusual{};
    if (field.second != nullptr) field.second->set_whole(row, number);
    if (column == nullptr) return;
    if (column->form != Form::text) return column->set_whole(row, number);
    if (name != nullptr) return column->set_text(row, name->data, name->size);
    std::string digits = std::to_string(number);
    column->set_text(row, digits.data(), static_cast<int64_t>(digits.size()));
}

void Record::map_entry(const Field& field, Input inner, int64_t row, int depth) {
    Column* list = field.column;
    if (list == nullptr) {
        size_t before = unknown_.size();
        message(*field.node, inner, row, depth + 1, 0);
        // Of two entries with one key the first does not count, and they are not compared here.
        if (unknown_.size() != before) throw Unusual{};
        return;
    }
    int64_t element = list->append(row);
    if (element == list->ends()[row]) maps_.emplace_back(list, row);
    list->children[0]->open(element);
    message(*field.node, inner, element, depth + 1, 0);
}

void Record::timestamp(const Field& field, Column* column, Input inner, int64_t row) {
    Seconds found = seconds_in(inner);
    bool valid = found.seconds >= kFirstSecond && found.seconds <= kLastSecond;
    if (!valid || found.nanos < 0 || found.nanos >= kBillion) throw Unusual{};
    if (field.nanoseconds) return column->set<int64_t>(row, in_nanos(found));
    if (found.nanos % 1000 != 0) cut_.push_back(field.counter);
    column->set<int64_t>(row, found.seconds * 1'000'000 + found.nanos / 1000);
}

void Record::duration(Column* column, Input inner, int64_t row) {
    Seconds found = seconds_in(inner);
    bool mixed = (found.seconds > 0 && found.nanos < 0) || (found.seconds < 0 && found.nanos > 0);
    bool outside = found.seconds > kLongest || found.seconds < -kLongest;
    if (mixed || outside || found.nanos >= kBillion || found.nanos <= -kBillion) throw Unusual{};
    column->set<int64_t>(row, in_nanos(found));
}

void Record::skip(Input& input, uint32_t wire, uint32_t number, int depth) {
    switch (wire) {
        case kVarint: input.varint(); return;
        case kFixed64: input.fixed64(); return;
        case kLength: input.bytes(); return;
        case kFixed32: input.fixed32(); return;
        case kStartGroup: break;
        default: throw Unusual{};
    }
    if (depth > kDeepest) throw Unusual{};
    for (;;) {
        uint32_t tag = input.tag();
        if ((tag & 7) == kEndGroup) {
            if (tag >> 3 != number) throw Unusual{};
            return;
        }
        if (tag >> 3 == 0) throw Unusual{};
        skip(input, tag & 7, tag >> 3, depth + 1);
    }
}

void Record::check_maps() {
    for (const auto& [list, row] : maps_) {
        if (!list->has(row)) continue;
        int64_t first = list->ends()[row], last = list->ends()[row + 1];
        if (last - first < 2) continue;
        Column& key = *list->children[0]->children[0];
        auto text = [&key](int64_t i) {
            const char* bytes = reinterpret_cast<const char*>(key.values.data);
            return std::string_view(bytes + key.ends()[i], static_cast<size_t>(key.ends()[i + 1] - key.ends()[i]));
        };
        auto bits = [&key, width = key.width()](int64_t i) {
            const char* bytes = reinterpret_cast<const char*>(key.values.data);
            return std::string_view(bytes + i * width, static_cast<size_t>(width));
        };
        bool twice = key.form == Form::text ? repeats(first, last, text) : repeats(first, last, bits);
        if (twice) throw Unusual{};
    }
}

}  // namespace protolith
