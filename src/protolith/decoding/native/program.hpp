// What a table needs of its message: for each field number where its value goes, and how.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "columns.hpp"

namespace protolith {

// The order is that of OPERATIONS in decoding/assembly.py.
enum class Operation : uint8_t {
    boolean, int32, int64, uint32, uint64, sint32, sint64, enumeration,
    fixed32, sfixed32, float32, fixed64, sfixed64, float64,
    text, bytes, message, group, map, timestamp, duration, document,
};

struct Text {
    const char* data;
    int32_t size;
};

struct Enumeration {
    bool closed = false;
    std::unordered_map<int32_t, Text> names;
    std::vector<Text> dense;  // names of 0, 1, 2 …

    const Text* find(int32_t number) const {
        if (number >= 0 && static_cast<size_t>(number) < dense.size()) return &dense[static_cast<size_t>(number)];
        auto found = names.find(number);
        return found == names.end() ? nullptr : &found->second;
    }
};

struct Node;

struct Field {
    int32_t number = 0;
    Operation operation = Operation::int64;
    bool repeated = false;
    bool presence = false;
    bool fits_signed = false;    // an unsigned number in a signed column
    bool nanoseconds = false;    // of a timestamp's column
    uint8_t wire = 0;
    int32_t bit = -1;            // of a field that is required, or that must not come twice
    bool once = false;
    int32_t oneof = -1;
    int32_t counter = -1;        // where values cut below a microsecond are counted
    Column* column = nullptr;    // of the value, or the list of them
    Column* second = nullptr;    // of an enum's number beside its name
    Column* member = nullptr;    // of the name of the oneof's member
    Text member_name{};
    Node* node = nullptr;
    Enumeration* names = nullptr;
    std::vector<Column*> cleared;  // what another member of the oneof takes back
};

struct Default {
    Column* column;
    int64_t value;
};

struct Node {
    int32_t message = 0;
    int32_t oneofs = 0;
    bool entry = false;              // of a map
    std::vector<uint64_t> required;  // bits of the fields that must come
    std::vector<Column*> must;       // columns that need a value in each record of this message
    std::vector<Default> defaults;   // values of a message that has no record of its own
    std::vector<Field> fields;
    std::vector<int32_t> dense;      // number → index of the field, or -1
    std::unordered_map<int32_t, int32_t> sparse;

    const Field* find(uint32_t number) const {
        if (number < dense.size()) {
            int32_t index = dense[number];
            return index < 0 ? nullptr : &fields[static_cast<size_t>(index)];
        }
        if (sparse.empty()) return nullptr;
        auto found = sparse.find(static_cast<int32_t>(number));
        return found == sparse.end() ? nullptr : &fields[static_cast<size_t>(found->second)];
    }
};

struct Program {
    std::string blob;
    std::vector<Text> texts;
    std::vector<std::unique_ptr<Column>> columns;
    std::vector<std::unique_ptr<Enumeration>> enumerations;
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<Column*> top;
    Node* root = nullptr;
    Budget budget;
    std::unordered_map<int64_t, int64_t> unknown;  // message and number → values
    std::vector<int64_t> cut;

    Program(const int64_t* code, const char* bytes, int64_t size);
};

}  // namespace protolith
