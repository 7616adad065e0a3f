// The C functions that decoding/native.py calls; none of them throws.

#include "arrow.hpp"
#include "record.hpp"

namespace {

enum Status : int64_t { kDone, kUnusual, kBroken, kTooLarge, kNoMemory };

void reset(protolith::Column& column) {
    column.length = 0;
    column.values.size = 0;
    for (protolith::Column* child : column.children) reset(*child);
}

void take_back(protolith::Program& program, int64_t rows) {
    for (protolith::Column* column : program.top) column->truncate(rows);
}

// The length before a record; false if it is not complete, or no length at all.
bool read_length(protolith::Input& input, uint64_t& length) {
    try {
        length = input.varint();
    } catch (const protolith::Unusual&) {
        return false;
    }
    return length <= static_cast<uint64_t>(input.size());
}

}  // namespace

extern "C" {

struct ProtolithOutcome {
    int64_t rows;
    int64_t position;  // of the first byte that was not decoded
    int64_t status;
};

void* protolith_compile(const int64_t* code, const char* texts, int64_t size) {
    try {
        return new protolith::Program(code, texts, size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void protolith_free(void* program) { delete static_cast<protolith::Program*>(program); }

// Decodes length-delimited records into at most `max_rows` rows, up to the first that it cannot.
void protolith_decode(void* handle, const uint8_t* data, int64_t size, int64_t max_rows,
                      int64_t max_bytes, int64_t* offsets, ProtolithOutcome* outcome) {
    auto& program = *static_cast<protolith::Program*>(handle);
    program.budget = {0, max_bytes};
    protolith::Record record(program);
    protolith::Input input{data, data + size};
    int64_t rows = 0;
    int64_t status = kDone;
    const uint8_t* start = data;
    try {
        while (rows < max_rows && !input.empty()) {
            start = input.at;
            uint64_t length;
            if (!read_length(input, length)) {
                status = kBroken;
                break;
            }
            record.decode({input.at, input.at + length}, rows);
            record.count();
            offsets[rows] = start - data;
            input.at += length;
            start = input.at;
            ++rows;
        }
    } catch (const protolith::Unusual&) {
        status = kUnusual;
    } catch (const protolith::OverBudget&) {
        status = kTooLarge;
    } catch (const std::bad_alloc&) {
        status = kNoMemory;
    }
    if (status != kDone) take_back(program, rows);
    *outcome = {rows, start - data, status};
}

// Hands the rows over as one Arrow struct array and makes the columns empty.
int64_t protolith_export(void* handle, int64_t rows, ArrowArray* array) {
    auto& program = *static_cast<protolith::Program*>(handle);
    program.budget.limit = INT64_MAX;
    int64_t status = kDone;
    try {
        protolith::prepare(array, rows, 1, program.top.size());
        for (size_t i = 0; i < program.top.size(); ++i)
            protolith::finish(*program.top[i], rows, array->children[i]);
    } catch (const std::bad_alloc&) {
        status = kNoMemory;
        if (array->release != nullptr) array->release(array);
    }
    for (protolith::Column* column : program.top) reset(*column);
    return status;
}

// Gives and forgets the counts of unknown fields, as pairs, and of what was cut, by counter.
int64_t protolith_counts(void* handle, int64_t* unknown, int64_t capacity, int64_t* cut) {
    auto& program = *static_cast<protolith::Program*>(handle);
    int64_t found = static_cast<int64_t>(program.unknown.size());
    if (found > capacity) return found;
    for (const auto& [key, values] : program.unknown) {
        *unknown++ = key;
        *unknown++ = values;
    }
    program.unknown.clear();
    for (size_t i = 0; i < program.cut.size(); ++i) {
        cut[i] = program.cut[i];
        program.cut[i] = 0;
    }
    return found;
}

}  // extern "C"
