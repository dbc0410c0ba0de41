// Keep: what saves a network of a run, which is taken up first where a stopped run left it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "run_folder.hpp"
#include "story.hpp"

namespace kasmina::examples {

/// What saves a network's run where it stands; nothing without --checkpoint.
using Keep = std::function<void()>;

/// With --resume, loads the network's parts as they were last saved in `folder`, and tells of it;
/// the story goes on behind its epochs. Borrows all of them. Errors: those of RunFolder::load.
template <class Model, class Trainer, class... Parts>
[[nodiscard]] Keep keep_in(std::optional<RunFolder>& folder, RunNetwork network, Story& story,
                           Model& model, Trainer& trainer, Parts&... parts) {
    if (!folder) return {};
    if (folder->resumes()) {
        const auto tell = [&story](const std::string& text) { story.line(text); };
        const bool loaded = folder->load(network, tell, model, trainer, parts...);
        if (!loaded && network == RunNetwork::host) {
            tell("there is nothing to go on with in " + folder->path().string() + ": it begins");
        }
        story.skip(trainer.epochs_done());
    }
    return [&run = *folder, network, &model, &trainer, &parts...] {
        run.save(network, trainer.epochs_done(), model, trainer, parts...);
    };
}

}  // namespace kasmina::examples
