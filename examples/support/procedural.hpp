// The built-in image task: textured shapes among distractors, drawn from a seed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "dataset.hpp"

namespace kasmina::examples::procedural {

inline constexpr int side = 32;

/// How many images of each part, and how hard they are.
struct Options {
    std::size_t training = 3600;  ///< validation is taken from these
    std::size_t test = 1200;
    double noise = 0.18;     ///< half width of the uniform noise, in units of full brightness
    double contrast = 0.30;  ///< least difference between the two colours of the texture
};

using Colour = std::array<float, 3>;

/// A sine grating between two colours.
struct Grating {
    float across = 0;  ///< radians per pixel along x
    float down = 0;    ///< radians per pixel along y
    float phase = 0;
    Colour base{};
    Colour swing{};

    [[nodiscard]] float wave(float x, float y) const {
        return std::sin(across * x + down * y + phase);
    }
};

inline Colour random_colour(Generator& generator, double low, double high) {
    Colour colour{};
    for (float& channel : colour) channel = static_cast<float>(generator.uniform(low, high));
    return colour;
}

inline Grating random_grating(Generator& generator, double contrast) {
    const double angle = generator.uniform(0.0, std::numbers::pi);
    const double frequency = generator.uniform(0.7, 1.5);
    Grating grating;
    grating.across = static_cast<float>(frequency * std::cos(angle));
    grating.down = static_cast<float>(frequency * std::sin(angle));
    grating.phase = static_cast<float>(generator.uniform(0.0, 2.0 * std::numbers::pi));
    grating.base = random_colour(generator, 0.3, 0.7);
    const double sign = generator.uniform() < 0.5 ? -1.0 : 1.0;
    grating.swing = random_colour(generator, sign * contrast, sign * (1.5 * contrast));
    return grating;
}

/// Whether (x, y), in units of the radius, lies in shape 0..4: disc, square, triangle, cross, ring.
inline bool inside_shape(int shape, float x, float y) {
    const float wide = std::abs(x);
    const float tall = std::abs(y);
    switch (shape) {
        case 0: return x * x + y * y < 1.0F;
        case 1: return std::max(wide, tall) < 0.88F;
        case 2: return y < 0.8F && wide < 0.55F * (y + 1.0F);
        case 3: return std::min(wide, tall) < 0.33F && std::max(wide, tall) < 1.05F;
        default: return x * x + y * y < 1.1F && x * x + y * y > 0.36F;
    }
}

/// Draws one image of class `label`: shape label / 2, filled with stripes (even) or checks (odd),
/// on a fainter grating, with small distractors, a bar in front and noise.
inline void draw(std::int32_t label, const Options& options, Generator& generator,
                 std::uint8_t* pixels) {
    struct Distractor {
        float x, y, radius;
        Colour colour;
    };
    const Grating ground = random_grating(generator, 0.2 * options.contrast);
    const Grating fill = random_grating(generator, options.contrast);
    std::array<Distractor, 3> distractors{};
    for (Distractor& spot : distractors) {
        spot.x = static_cast<float>(generator.uniform(0.0, side));
        spot.y = static_cast<float>(generator.uniform(0.0, side));
        spot.radius = static_cast<float>(generator.uniform(1.5, 3.5));
        spot.colour = random_colour(generator, 0.1, 0.9);
    }
    const auto radius = static_cast<float>(generator.uniform(8.5, 12.0));
    const auto centre_x = static_cast<float>(generator.uniform(radius, side - radius));
    const auto centre_y = static_cast<float>(generator.uniform(radius, side - radius));
    const auto tilt = static_cast<float>(generator.uniform(-0.5, 0.5));
    const float cosine = std::cos(tilt);
    const float sine = std::sin(tilt);
    const auto bar_at = static_cast<float>(generator.uniform(0.0, side));
    const auto bar_lean = static_cast<float>(generator.uniform(-1.0, 1.0));
    const Colour bar = random_colour(generator, 0.1, 0.9);

    for (int row = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column) {
            const auto x = static_cast<float>(column);
            const auto y = static_cast<float>(row);
            Colour colour{};
            const float dx = (x - centre_x) / radius;
            const float dy = (y - centre_y) / radius;
            const bool inside =
                inside_shape(label / 2, cosine * dx - sine * dy, sine * dx + cosine * dy);
            const Grating& here = inside ? fill : ground;
            float wave = here.wave(x, y);
            // Checks: a second grating at right angles, multiplied in. Equal mean and frequency,
            // so that neither brightness nor one oriented filter tells them from stripes.
            if (inside && label % 2 == 1) {
                wave *= 1.4F * std::sin(here.down * x - here.across * y + here.phase);
            }
            for (std::size_t c = 0; c < 3; ++c) colour[c] = here.base[c] + here.swing[c] * wave;
            for (const Distractor& spot : distractors) {
                const float away_x = x - spot.x;
                const float away_y = y - spot.y;
                if (away_x * away_x + away_y * away_y < spot.radius * spot.radius) {
                    colour = spot.colour;
                }
            }
            if (std::abs(x + bar_lean * (y - side / 2.0F) - bar_at) < 1.5F) colour = bar;
            // One word of random bits serves the three channels of a pixel, ten bits each.
            std::uint32_t bits = generator();
            for (std::size_t c = 0; c < 3; ++c, bits >>= 10U) {
                const float noise = static_cast<float>(bits & 1023U) / 511.5F - 1.0F;
                const float value = colour[c] + static_cast<float>(options.noise) * noise;
                *pixels++ =
                    static_cast<std::uint8_t>(std::lround(255.0F * std::clamp(value, 0.0F, 1.0F)));
            }
        }
    }
}

/// `count` images, classes in turn; equal generators give equal images.
inline RawImages generate(std::size_t count, const Options& options, Generator generator) {
    RawImages images{side, side, 3, 10, {}, {}};
    images.pixels.resize(count * images.image_size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto label = static_cast<std::int32_t>(i % 10);
        images.labels.push_back(label);
        draw(label, options, generator, images.pixels.data() + i * images.image_size());
    }
    return images;
}

/// Ten classes of 32x32 colour images; training and test come from independent streams of `seed`.
inline Splits load(std::uint64_t seed, Options options = {}, double validation_fraction = 1.0 / 6) {
    return make_splits("textured shapes", generate(options.training, options, Generator(seed, 1)),
                       generate(options.test, options, Generator(seed, 2)),
                       {.flip = true, .padding = 2}, validation_fraction, seed);
}

}  // namespace kasmina::examples::procedural
