// Attempt: a pass that trains either comes to its end or has changed no state.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/random/generator.hpp>

namespace kasmina::nn {

/// What a pass that trains may move on its way: states, and random streams, with their values from
/// before. It keeps its memory from pass to pass, so that a training loop allocates nothing.
template <class B>
class Undo {
public:
    using Context = typename B::Context;

    /// Whether an attempt is under way: what happens inside it is its business.
    [[nodiscard]] bool is_open() const noexcept { return open_; }

    void open() noexcept {
        open_ = true;
        states_.clear();
        streams_.clear();
    }
    void close() noexcept {
        open_ = false;
        streams_.clear();
    }

    /// Keeps a copy of a state, made on the backend.
    KASMINA_APART void note(Context& context, const AnyState<B>& state) {
        const std::size_t place = states_.size();
        if (place < saved_.size() && saved_[place].is_like(state)) {
            saved_[place].copy_from(context, state);
        } else {
            saved_.erase(saved_.begin() + static_cast<std::ptrdiff_t>(place), saved_.end());
            saved_.push_back(state.duplicate(context));
        }
        states_.push_back(state);
    }

    /// Keeps where a random stream stands, and the stream itself: its owner may go meanwhile.
    void note(std::shared_ptr<Generator> stream) {
        const Generator before = *stream;
        streams_.emplace_back(std::move(stream), before);
    }

    /// The same for one that outlives the attempt.
    void note(Generator& stream) { note(std::shared_ptr<Generator>(nobody(), &stream)); }

    /// Puts everything back.
    KASMINA_RARE void restore(Context& context) {
        for (std::size_t i = 0; i < states_.size(); ++i) {
            states_[i].copy_from(context, saved_[i]);
        }
        for (const auto& [stream, before] : streams_) *stream = before;
    }

private:
    [[nodiscard]] static std::shared_ptr<void> nobody() noexcept { return nullptr; }

    std::vector<AnyState<B>> states_;
    std::vector<AnyState<B>> saved_;  ///< of states_, and more where a pass before had more
    std::vector<std::pair<std::shared_ptr<Generator>, Generator>> streams_;
    bool open_ = false;
};

/// Lives as long as the attempt. Unless it was told that all went well, its end puts back what
/// `undo` has noted.
template <class B>
class Attempt {
public:
    /// `note(undo)` notes all that may move. A null `undo`: nothing is put back, because nothing
    /// moves or because another attempt sees to it. It is shared, for whoever owns it may go while
    /// the attempt is under way.
    template <class Note>
    Attempt(typename B::Context& context, std::shared_ptr<Undo<B>> undo, Note&& note)
        : context_(context), undo_(std::move(undo)) {
        if (undo_ == nullptr) return;
        undo_->open();
        try {
            note(*undo_);
        } catch (...) {
            undo_->close();
            throw;
        }
    }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt() {
        if (undo_ == nullptr) return;
        if (!succeeded_) restore();
        undo_->close();
    }

    void succeed() noexcept { succeeded_ = true; }

private:
    /// A backend that cannot even copy any more has no state that could be put back.
    void restore() noexcept {
        try {
            undo_->restore(context_);
        } catch (...) {
        }
    }

    typename B::Context& context_;
    std::shared_ptr<Undo<B>> undo_;
    bool succeeded_ = false;
};

/// Lists the states of a module without their names.
template <class B>
struct StateList {
    std::vector<AnyState<B>> states{};

    void parameter(std::string_view, const auto&) const noexcept {}
    template <class T>
    void state(std::string_view, const State<B, T>& state) {
        states.push_back(AnyState<B>(state));
    }
};

/// All states of a module: handles that stay valid when it moves.
template <class B, class M>
[[nodiscard]] std::vector<AnyState<B>> state_list(const M& module) {
    StateList<B> list;
    module.visit(list);
    return std::move(list.states);
}

}  // namespace kasmina::nn
