// Place: where in a record one is, at no cost until somebody asks for its name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <kasmina/checkpoint/file/json_path.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::record {

/// A field or an element, below another place; the outermost one is the part's record. It refers to
/// what it is made of: it lives on the stack while its value is read or written.
class Place {
public:
    /// `source` is what messages call the record, `part` what its tensors' names begin with.
    Place(std::string_view source, std::string_view part) noexcept : key_(source), label_(part) {}

    /// A field of `above`.
    Place(const Place& above, std::string_view key) noexcept
        : above_(&above), key_(key), label_(key) {}

    /// An element of `above`; `label` is the name that it goes by, if any.
    Place(const Place& above, std::size_t index, std::string_view label) noexcept
        : above_(&above), label_(label), index_(index), is_element_(true) {}

    /// "$.slots[2].stage", as the parser names places.
    [[nodiscard]] KASMINA_COLD file::JsonPath path() const {
        if (above_ == nullptr) return {};
        return is_element_ ? above_->path() / index_ : above_->path() / key_;
    }

    /// What messages call the record.
    [[nodiscard]] std::string_view source() const noexcept {
        return above_ == nullptr ? key_ : above_->source();
    }

    /// "trainer/learner/optimiser/groups/0/parameters/host/stem.weight/first": what a tensor here
    /// is called.
    [[nodiscard]] std::string tensor_name() const {
        if (above_ == nullptr) return std::string(label_);
        const std::string last = label_.empty() ? std::to_string(index_) : std::string(label_);
        return above_->tensor_name() + "/" + last;
    }

    /// Errors: CheckpointError, always.
    [[noreturn]] KASMINA_COLD void refuse(std::string_view what, std::string_view expected,
                                          std::string_view got) const {
        throw CheckpointError(
            what, std::string(source()) + ": " + path().text(), expected, got,
            "load it into objects of the kinds that were saved; if they are, take "
            "a file that nobody has changed");
    }

private:
    const Place* above_ = nullptr;
    std::string_view key_{};
    std::string_view label_{};
    std::size_t index_ = 0;
    bool is_element_ = false;
};

}  // namespace kasmina::checkpoint::record
