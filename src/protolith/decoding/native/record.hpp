// One record into the columns of its table.
#pragma once

#include "program.hpp"
#include "wire.hpp"

namespace protolith {

class Record {
   public:
    explicit Record(Program& program) : program_(program) {}

    // Decodes one record into the row, or throws with the columns in any state: truncate them.
    void decode(Input input, int64_t row);
    // Adds what was counted in the record to the program's counts.
    void count();

   private:
    void message(const Node& node, Input& input, int64_t row, int depth, uint32_t group);
    void single(const Field& field, Input& input, int64_t row, int depth);
    void packed(const Field& field, Input& input, int64_t row);
    void scalar(const Field& field, Column* column, Input& input, int64_t row);
    void whole(const Field& field, Column* column, int64_t row, int64_t value);
    void enumeration(const Field& field, Column* column, int64_t row, int32_t number);
    void map_entry(const Field& field, Input inner, int64_t row, int depth);
    void timestamp(const Field& field, Column* column, Input inner, int64_t row);
    void duration(Column* column, Input inner, int64_t row);
    void choose(const Field& field, const Field** members, int64_t row);
    void skip(Input& input, uint32_t wire, uint32_t number, int depth);
    void check_maps();

    Program& program_;
    std::vector<int64_t> unknown_;
    std::vector<int32_t> cut_;
    std::vector<std::pair<Column*, int64_t>> maps_;
    bool known_ = false;
};

}  // namespace protolith
