// Columns as Arrow arrays, by the C data interface.
#pragma once

#include "columns.hpp"

extern "C" {
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void** buffers;
    struct ArrowArray** children;
    struct ArrowArray* dictionary;
    void (*release)(struct ArrowArray*);
    void* private_data;
};
}

namespace protolith {

inline void release_array(ArrowArray* array) {
    for (int64_t i = 0; i < array->n_children; ++i) {
        ArrowArray* child = array->children[i];
        if (child->release != nullptr) child->release(child);
        delete child;
    }
    for (int64_t i = 0; i < array->n_buffers; ++i) std::free(const_cast<void*>(array->buffers[i]));
    delete[] array->buffers;
    delete[] array->children;
    array->release = nullptr;
}

// Packs a byte for each value into a bit for each; returns how many are zero.
inline int64_t pack(const uint8_t* bytes, int64_t count, uint8_t* bits) {
    int64_t set = 0;
    int64_t whole = count / 8;
    for (int64_t i = 0; i < whole; ++i) {
        uint64_t eight;
        std::memcpy(&eight, bytes + 8 * i, 8);
        // Each byte is 0 or 1: the multiplication brings the eight bits side by side.
        bits[i] = static_cast<uint8_t>((eight * 0x0102040810204080ULL) >> 56);
        set += __builtin_popcount(bits[i]);
    }
    if (count % 8 != 0) {
        uint8_t last = 0;
        for (int64_t i = 8 * whole; i < count; ++i) last |= static_cast<uint8_t>(bytes[i] << (i % 8));
        bits[whole] = last;
        set += __builtin_popcount(last);
    }
    return count - set;
}

inline uint8_t* allocate(int64_t bytes) {
    auto* memory = static_cast<uint8_t*>(std::malloc(static_cast<size_t>(bytes > 0 ? bytes : 1)));
    if (memory == nullptr) throw std::bad_alloc{};
    return memory;
}

inline void prepare(ArrowArray* array, int64_t length, int64_t buffers, size_t children) {
    std::memset(array, 0, sizeof *array);
    array->length = length;
    array->n_buffers = buffers;
    array->buffers = new const void*[static_cast<size_t>(buffers)]();
    array->children = new ArrowArray*[children]();
    array->release = release_array;
    for (size_t i = 0; i < children; ++i) {
        array->children[i] = new ArrowArray{};
        array->n_children = static_cast<int64_t>(i) + 1;
    }
}

// A NULL record has NULL children too: some engines do not look at the record's own mask.
inline void push_down(Column& record, Column& child) {
    if (child.form == Form::list) return;
    for (int64_t row = 0; row < record.length; ++row) child.valid.data[row] &= record.valid.data[row];
}

inline void finish(Column& column, int64_t rows, ArrowArray* array) {
    column.pad_to(rows);
    bool varying = column.form == Form::text;
    int64_t buffers = varying ? 3 : column.form == Form::record ? 1 : 2;
    prepare(array, rows, buffers, column.children.size());
    uint8_t* bits = allocate((rows + 7) / 8);
    array->buffers[0] = bits;
    array->null_count = rows == 0 ? 0 : pack(column.valid.data, rows, bits);
    if (column.form == Form::record) {
        for (size_t i = 0; i < column.children.size(); ++i) {
            Column& child = *column.children[i];
            child.pad_to(rows);
            if (array->null_count != 0) push_down(column, child);
            finish(child, rows, array->children[i]);
        }
    } else if (column.form == Form::boolean) {
        uint8_t* values = allocate((rows + 7) / 8);
        array->buffers[1] = values;
        if (rows != 0) pack(column.values.data, rows, values);
    } else if (column.form == Form::list || varying) {
        if (rows == 0) {
            uint8_t* none = allocate(4);
            std::memset(none, 0, 4);
            array->buffers[1] = none;
        }
        int64_t elements = rows == 0 ? 0 : column.ends()[rows];
        if (rows != 0) array->buffers[1] = column.offsets.release();
        if (varying) array->buffers[2] = column.values.data ? column.values.release() : allocate(0);
        if (!varying) finish(*column.children[0], elements, array->children[0]);
    } else {
        array->buffers[1] = rows == 0 ? allocate(0) : column.values.release();
    }
}

}  // namespace protolith
