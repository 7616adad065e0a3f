// Column builders: values are written at a row, and what was skipped is padded when it is needed.
//
// A builder lags behind: a column that no record mentions costs nothing until the batch ends. To
// write at a row that has a value already is to overwrite it (the last value on the wire wins), to
// truncate is to take rows back.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace protolith {

enum class Form : uint8_t { boolean, bits32, bits64, bits128, text, list, record };
enum class Pad : uint8_t { null, value };  // what stands where nothing was written

struct OverBudget {};

// All memory of one batch is counted: a small record must not become gigabytes.
struct Budget {
    int64_t used = 0;
    int64_t limit = INT64_MAX;
    void take(int64_t bytes) {
        if ((used += bytes) > limit) throw OverBudget{};
    }
};

struct Buffer {
    uint8_t* data = nullptr;
    int64_t size = 0;
    int64_t capacity = 0;

    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { std::free(data); }

    void reserve(int64_t wanted, Budget& budget) {
        if (wanted > capacity) grow(wanted, budget);
    }
    uint8_t* release() {
        uint8_t* given = data;
        data = nullptr;
        size = capacity = 0;
        return given;
    }

   private:
    void grow(int64_t wanted, Budget& budget) {
        int64_t bytes = capacity < 1024 ? 1024 : capacity;
        while (bytes < wanted) bytes *= 2;
        budget.take(bytes - capacity);
        auto* moved = static_cast<uint8_t*>(std::realloc(data, static_cast<size_t>(bytes)));
        if (moved == nullptr) throw std::bad_alloc{};
        data = moved;
        capacity = bytes;
    }
};

struct Column {
    Form form = Form::bits64;
    Pad pad = Pad::null;
    const char* pad_text = "";
    int32_t pad_size = 0;
    std::vector<Column*> children;
    Budget* budget = nullptr;

    int64_t length = 0;
    Buffer valid;    // a byte for each row
    Buffer values;   // fixed-width values, or the bytes of texts
    Buffer offsets;  // of texts and lists: length + 1 of them

    int64_t width() const {
        switch (form) {
            case Form::boolean: return 1;
            case Form::bits32: return 4;
            case Form::bits64: return 8;
            case Form::bits128: return 16;
            default: return 0;
        }
    }
    int32_t* ends() { return reinterpret_cast<int32_t*>(offsets.data); }
    bool has(int64_t row) const { return length > row; }

    // Makes room for the row and pads what is before it; the row itself has no value yet.
    void open(int64_t row) {
        if (length > row) return;
        if (row + 1 > valid.capacity) valid.reserve(row + 1, *budget);
        if (form == Form::text || form == Form::list) {
            open_ends(row);
        } else if (form != Form::record) {
            int64_t size = width() * (row + 1);
            if (size > values.capacity) values.reserve(size, *budget);
        }
        if (row > length) fill(row);
        valid.data[row] = 1;
        length = row + 1;
        if (form == Form::text || form == Form::list) ends()[length] = ends()[row];
    }

    void pad_to(int64_t rows) {
        if (length >= rows) return;
        open(rows - 1);
        length = rows - 1;
        fill(rows);
        length = rows;
    }

    template <typename T>
    void set(int64_t row, T value) {
        if (length <= row) open(row);
        std::memcpy(values.data + row * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
    }
    void set_whole(int64_t row, int64_t value) {
        switch (form) {
            case Form::boolean: set<uint8_t>(row, value != 0); break;
            case Form::bits32: set<int32_t>(row, static_cast<int32_t>(value)); break;
            default: set<int64_t>(row, value);
        }
    }
    void set_text(int64_t row, const void* bytes, int64_t size) {
        if (length <= row) {
            open(row);
        } else {
            values.size = ends()[row];
        }
        append_text(row, bytes, size);
    }
    void append_text(int64_t row, const void* bytes, int64_t size) {
        int64_t end = values.size + size;
        if (end > INT32_MAX) throw OverBudget{};
        if (end > values.capacity) values.reserve(end, *budget);
        if (size != 0) std::memcpy(values.data + values.size, bytes, static_cast<size_t>(size));
        values.size = end;
        ends()[row + 1] = static_cast<int32_t>(end);
    }
    // The index of a new element of the list at the row.
    int64_t append(int64_t row) {
        if (length <= row) open(row);
        return ends()[row + 1]++;
    }
    void truncate(int64_t rows) {
        if (length <= rows) return;
        length = rows;
        if (form == Form::text) values.size = ends()[rows];
        if (form == Form::list) children[0]->truncate(ends()[rows]);
        if (form == Form::record)
            for (Column* child : children) child->truncate(rows);
    }

   private:
    void open_ends(int64_t row) {
        int64_t size = 4 * (row + 2);
        if (size > offsets.capacity) {
            bool first = offsets.data == nullptr;
            offsets.reserve(size, *budget);
            if (first) ends()[0] = 0;
        }
        if (form == Form::text && values.data == nullptr) values.reserve(1, *budget);
    }
    // Pads the rows from `length` up to `rows`, for which there is room.
    void fill(int64_t rows) {
        bool present = pad == Pad::value;
        std::memset(valid.data + length, present, static_cast<size_t>(rows - length));
        if (int64_t bytes = width()) {
            auto size = static_cast<size_t>(bytes * (rows - length));
            std::memset(values.data + bytes * length, 0, size);
        } else if (form == Form::text && present && pad_size != 0) {
            for (int64_t row = length; row < rows; ++row) append_text(row, pad_text, pad_size);
        } else if (form != Form::record) {
            int32_t end = ends()[length];
            for (int64_t row = length; row < rows; ++row) ends()[row + 1] = end;
        }
    }
};

}  // namespace protolith
