// Masks and scores of attention that no backend can run.
// mask_gives_a_number expects: AttentionMask: a mask is a trivially copyable callable
// mask_of_two expects: AttentionMask: a mask is a trivially copyable callable
// mask_with_a_list expects: AttentionMask: a mask is a trivially copyable callable
// score_of_one_type expects: a score is a const `template <class V> V operator()
// score_of_the_score_alone expects: a score is a const `template <class V> V operator()
// score_compares expects: kasmina::AnyNumber
#include <vector>

#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/backends/eigen.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

struct Listed {
    std::vector<Index> allowed;

    bool operator()(Index, Index, Index query, Index) const {
        return allowed[static_cast<std::size_t>(query)] != 0;
    }
};

auto masked(const Variable<Cpu>& qkv) {
#if defined(mask_gives_a_number)
    return ops::attention(qkv, 2, [](Index, Index, Index query, Index key) { return query - key; });
#elif defined(mask_of_two)
    return ops::attention(qkv, 2, [](Index query, Index key) { return key <= query; });
#elif defined(mask_with_a_list)
    return ops::attention(qkv, 2, Listed{});
#else
    return ops::attention(qkv, 2,
                          [](Index, Index, Index query, Index key) { return key <= query; });
#endif
}

auto scored(const Variable<Cpu>& qkv) {
    const masks::Causal causal;
#if defined(score_of_one_type)
    return ops::attention(qkv, 2, causal,
                          [](float score, Index, Index, float, float) { return score; });
#elif defined(score_of_the_score_alone)
    return ops::attention(qkv, 2, causal, [](const auto& score) { return score * 2; });
#elif defined(score_compares)
    return ops::attention(qkv, 2, causal,
                          [](const auto& score, auto, auto, const auto& query, const auto& key) {
                              return key > query ? score : score * 2;
                          });
#else
    return ops::attention(
        qkv, 2, causal,
        [](const auto& score, Index, Index head, const auto& query, const auto& key) {
            return score + (key - query) * static_cast<double>(head);
        });
#endif
}
