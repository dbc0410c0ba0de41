// Records of a user's that a checkpoint cannot hold: found where one is saved or loaded.
// saved_of_another_kind first error: a checkpoint cannot hold a field of this type: use
// loaded_of_another_kind first error: a checkpoint cannot hold a field of this type: use
// tensors_saved first error: this part holds tensors: pass the model on whose backend
// tensors_loaded first error: this part holds tensors: pass the model on whose backend
// field_left_out first error: Fields must name each field of the struct
// field_named_twice first error: Fields names a field twice: name each field once
// schema_zero first error: schemas are numbered from 1 on
// part_without_a_name first error: this part has no name: pass checkpoint::named(
#include <string_view>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/checkpoint/checkpoint.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

struct Diary {
    int epoch = 0;
#if defined(saved_of_another_kind) || defined(loaded_of_another_kind)
    std::vector<const char*> words{};
#else
    std::vector<double> words{};
#endif
#if defined(tensors_saved) || defined(tensors_loaded)
    Tensor<Cpu> values{};
    using Fields = reflect::List<&Diary::epoch, &Diary::words, &Diary::values>;
#elif defined(field_left_out)
    using Fields = reflect::List<&Diary::epoch>;
#elif defined(field_named_twice)
    using Fields = reflect::List<&Diary::epoch, &Diary::epoch>;
#else
    using Fields = reflect::List<&Diary::epoch, &Diary::words>;
#endif
#ifdef schema_zero
    static constexpr int schema = 0;
#endif
#ifndef part_without_a_name
    static constexpr std::string_view part_name = "diary";
#endif
};

int main() {
    Diary diary;
#if defined(loaded_of_another_kind) || defined(tensors_loaded)
    checkpoint::load("file", diary);
#else
    checkpoint::save("file", diary);
#endif
}
