// Protobuf's wire format: varints, fixed numbers, and text that must be UTF-8.
#pragma once

#include <cstdint>
#include <cstring>

namespace protolith {

// The record needs the reference decoder: it is malformed, or unusual in a way not decoded here.
struct Unusual {};

enum WireType : uint32_t { kVarint, kFixed64, kLength, kStartGroup, kEndGroup, kFixed32 };

struct Input {
    const uint8_t* at;
    const uint8_t* end;

    bool empty() const { return at >= end; }

    uint64_t varint() {
        if (at < end && *at < 0x80) return *at++;
        return long_varint();
    }
    uint32_t tag() {
        if (at < end && *at < 0x80) return *at++;
        uint64_t value = long_varint();
        if (value > UINT32_MAX) throw Unusual{};
        return static_cast<uint32_t>(value);
    }
    uint32_t fixed32() {
        uint32_t value;
        if (end - at < 4) throw Unusual{};
        std::memcpy(&value, at, 4);
        at += 4;
        return value;
    }
    uint64_t fixed64() {
        uint64_t value;
        if (end - at < 8) throw Unusual{};
        std::memcpy(&value, at, 8);
        at += 8;
        return value;
    }
    Input bytes() {
        uint64_t size = varint();
        if (size > static_cast<uint64_t>(end - at)) throw Unusual{};
        Input inner{at, at + size};
        at += size;
        return inner;
    }
    int64_t size() const { return end - at; }

   private:
    uint64_t long_varint() {
        uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (at >= end) throw Unusual{};
            uint64_t byte = *at++;
            value |= (byte & 0x7F) << shift;
            if (byte < 0x80) {
                // An over-long number, or bits beyond the sixty-fourth: upb decides.
                if ((byte == 0 && shift != 0) || (shift == 63 && byte > 1)) throw Unusual{};
                return value;
            }
        }
        throw Unusual{};
    }
};

inline int64_t unzigzag(uint64_t value) {
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Whether bytes are UTF-8 without surrogates and over-long forms, as protobuf asks for.
inline bool is_utf8(const uint8_t* at, const uint8_t* end) {
    while (at < end) {
        while (end - at >= 8) {
            uint64_t eight;
            std::memcpy(&eight, at, 8);
            if (eight & 0x8080808080808080ULL) break;
            at += 8;
        }
        if (at >= end) return true;
        uint8_t first = *at;
        if (first < 0x80) {
            ++at;
            continue;
        }
        int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        if (first < 0xC2 || first > 0xF4 || end - at <= more) return false;
        uint8_t second = at[1];
        uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        if (second < low || second > high) return false;
        for (int i = 2; i <= more; ++i)
            if ((at[i] & 0xC0) != 0x80) return false;
        at += more + 1;
    }
    return true;
}

}  // namespace protolith
