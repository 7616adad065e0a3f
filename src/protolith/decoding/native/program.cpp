// Reading a program: a row of numbers, written by decoding/assembly.py in the same order.

#include "program.hpp"

namespace protolith {

namespace {

constexpr int32_t kDense = 1024;

uint8_t wire_of(Operation operation) {
    switch (operation) {
        case Operation::fixed32:
        case Operation::sfixed32:
        case Operation::float32: return 5;
        case Operation::fixed64:
        case Operation::sfixed64:
        case Operation::float64: return 1;
        case Operation::group: return 3;
        default: return operation <= Operation::enumeration ? 0 : 2;
    }
}

struct Reader {
    const int64_t* at;
    Program& program;

    int32_t number() { return static_cast<int32_t>(*at++); }
    bool flag() { return *at++ != 0; }
    Text text() { return program.texts[static_cast<size_t>(*at++)]; }
    Column* column() { return pick(program.columns); }
    Node* node() { return pick(program.nodes); }
    Enumeration* enumeration() { return pick(program.enumerations); }

    template <typename T>
    T* pick(std::vector<std::unique_ptr<T>>& all) {
        int64_t index = *at++;
        return index < 0 ? nullptr : all[static_cast<size_t>(index)].get();
    }
    template <typename T>
    void make(std::vector<std::unique_ptr<T>>& all) {
        for (int32_t count = number(); count > 0; --count) all.push_back(std::make_unique<T>());
    }

    void read_column(Column& column) {
        column.form = static_cast<Form>(number());
        column.pad = static_cast<Pad>(number());
        Text pad = text();
        column.pad_text = pad.data;
        column.pad_size = pad.size;
        column.budget = &program.budget;
        for (int32_t count = number(); count > 0; --count) column.children.push_back(this->column());
    }
    void read_enumeration(Enumeration& names) {
        names.closed = flag();
        for (int32_t count = number(); count > 0; --count) {
            int32_t value = number();
            names.names.emplace(value, text());
        }
        for (int32_t value = 0; value < kDense && names.names.count(value); ++value)
            names.dense.push_back(names.names[value]);
    }
    Field read_field() {
        Field field;
        field.number = number();
        field.operation = static_cast<Operation>(number());
        field.wire = wire_of(field.operation);
        field.repeated = flag();
        field.presence = flag();
        field.fits_signed = flag();
        field.nanoseconds = flag();
        field.bit = number();
        field.once = flag();
        field.oneof = number();
        field.counter = number();
        field.column = column();
        field.second = column();
        field.member = column();
        field.member_name = text();
        field.node = node();
        field.names = enumeration();
        for (int32_t count = number(); count > 0; --count) field.cleared.push_back(column());
        return field;
    }
    void read_node(Node& node) {
        node.message = number();
        node.oneofs = number();
        node.entry = flag();
        node.required.resize(static_cast<size_t>(number()));
        for (int32_t count = number(); count > 0; --count) node.must.push_back(column());
        for (int32_t count = number(); count > 0; --count) {
            Column* target = column();
            node.defaults.push_back({target, *at++});
        }
        for (int32_t count = number(); count > 0; --count) {
            node.fields.push_back(read_field());
            const Field& field = node.fields.back();
            if (field.bit >= 0 && !field.once)
                node.required[static_cast<size_t>(field.bit / 64)] |= uint64_t{1} << field.bit % 64;
        }
        for (size_t index = 0; index < node.fields.size(); ++index) {
            int32_t number = node.fields[index].number;
            if (number >= kDense) {
                node.sparse.emplace(number, static_cast<int32_t>(index));
                continue;
            }
            if (static_cast<size_t>(number) >= node.dense.size())
                node.dense.resize(static_cast<size_t>(number) + 1, -1);
            node.dense[static_cast<size_t>(number)] = static_cast<int32_t>(index);
        }
    }
};

}  // namespace

Program::Program(const int64_t* code, const char* bytes, int64_t size)
    : blob(bytes, static_cast<size_t>(size)) {
    Reader reader{code, *this};
    const char* at = blob.data();
    for (int32_t count = reader.number(); count > 0; --count) {
        int32_t length = reader.number();
        texts.push_back({at, length});
        at += length;
    }
    reader.make(columns);
    reader.make(enumerations);
    reader.make(nodes);
    cut.resize(static_cast<size_t>(reader.number()));
    for (auto& column : columns) reader.read_column(*column);
    for (auto& names : enumerations) reader.read_enumeration(*names);
    for (auto& node : nodes) reader.read_node(*node);
    for (int32_t count = reader.number(); count > 0; --count) top.push_back(reader.column());
    root = reader.node();
}

}  // namespace protolith
