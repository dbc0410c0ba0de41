// Sums over axes on the CPU: many columns at once or along the rows, in double, in a fixed order.
#pragma once

#include <algorithm>
#include <cstddef>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/row_sums.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/strided.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// sums[c] += the sum of from[i * stride + c] over i < count, for each of `columns`.
template <class T>
void add_columns(const T* from, Index count, Index stride, Index columns, double* sums) {
    if (stride == columns && columns < lanes<T>) {
        // Narrow rows one after another are summed as wider ones, which fill registers.
        constexpr std::size_t most_width = static_cast<std::size_t>(lanes<T> * lanes<T> + 64);
        double wide[most_width] = {};
        const Index width = row_width<T>(columns, count);
        sum_rows_of(from, count * columns, width, wide);
        fold(wide, columns, width);
        for (Index c = 0; c < columns; ++c) sums[c] += wide[c];
        return;
    }
    for_each_vector<T>(columns, [&](Index c, auto lane_count) {
        for (Index start = 0; start < count; start += terms_at_once) {
            const Index end = std::min(count, start + terms_at_once);
            Vector<T> total{};
            for (Index i = start; i < end; ++i) {
                total += load_lanes(from + i * stride + c, lane_count);
            }
            add_widened<T>(sums + c, total, lane_count);
        }
    });
}

/// How a sum over axes is divided: into units, one for each index tuple that is kept and each block
/// of columns, and each unit into parts of its terms. By shape alone.
struct SumPlan {
    static constexpr Index block = 128;         ///< columns that one unit sums
    static constexpr Index longest_run = 8192;  ///< numbers of a run that are one term

    explicit SumPlan(const StridedAxes& axes) {
        StridedAxes all_kept;
        StridedAxes all_summed;
        for (std::size_t axis = 0; axis < axes.rank; ++axis) {
            StridedAxes& to = axes.to_strides[axis] == 0 ? all_summed : all_kept;
            to.append(axes.extents[axis], axes.from_strides[axis], axes.to_strides[axis]);
        }
        kept = simplified(all_kept);
        summed = simplified(all_summed);
        elements = kept.elements();
        empty = summed.elements() == 0;
        if (elements == 0 || empty) return;
        if (const std::size_t axis = dense_axis(summed); axis < summed.rank) {
            run = summed.extents[axis];
            summed = without(summed, axis);
            pieces = pieces_of(run, longest_run);
        } else if (const std::size_t column = dense_axis(kept); column < kept.rank) {
            columns = kept.extents[column];
            column_stride = kept.to_strides[column];
            kept = without(kept, column);
        }
        terms = summed.elements() * pieces;
        blocks = pieces_of(columns, block);
        units = kept.elements() * blocks;
        const Index work = terms * std::min(run, longest_run) * std::min(columns, block);
        constexpr Index enough_units = 64;
        constexpr Index numbers = 16384;
        if (units < enough_units) parts = std::clamp<Index>(work / numbers, 1, terms);
        units_per_chunk = parts > 1 ? 1 : std::max<Index>(1, numbers / work);
    }

    StridedAxes kept;
    StridedAxes summed;
    Index elements = 0;  ///< of the result
    bool empty = false;  ///< there is nothing to sum
    Index run = 1;       ///< numbers next to each other that are one term, or `pieces` of them
    Index pieces = 1;
    Index columns = 1;        ///< results whose terms lie next to each other
    Index column_stride = 1;  ///< of these results
    Index blocks = 1;
    Index terms = 1;
    Index units = 1;
    Index parts = 1;
    Index units_per_chunk = 1;
};

/// sums[c] += the terms first ... end - 1 of each column; `from` is the unit's first number.
template <class T>
void add_terms(const SumPlan& plan, const T* from, Index columns, Index first, Index end,
               double* sums) {
    if (plan.run > 1 && plan.terms == 1) {
        *sums += sum_of_run(from, plan.run);
        return;
    }
    if (plan.run > 1) {
        Odometer place(plan.summed, first / plan.pieces);
        Index piece = first % plan.pieces;
        for (Index term = first; term < end; ++term) {
            const Index start = piece * SumPlan::longest_run;
            const Index length = std::min(SumPlan::longest_run, plan.run - start);
            *sums += sum_of_run(from + place.from() + start, length);
            if (++piece == plan.pieces) {
                piece = 0;
                place.next();
            }
        }
        return;
    }
    const std::size_t rank = plan.summed.rank;
    const Index strip = rank == 0 ? 1 : plan.summed.extents[rank - 1];
    const Index stride = rank == 0 ? columns : plan.summed.from_strides[rank - 1];
    for (Index term = first; term < end;) {
        const Index count = std::min(end - term, strip - term % strip);
        const Odometer place(plan.summed, term);
        add_columns(from + place.from(), count, stride, columns, sums);
        term += count;
    }
}

/// Goes through the units of a plan in order, from any of them on.
class SumUnits {
public:
    SumUnits(const SumPlan& plan, Index first)
        : plan_(plan), place_(plan.kept, first / plan.blocks), block_(first % plan.blocks) {}

    [[nodiscard]] Index from() const { return place_.from() + column(); }
    [[nodiscard]] Index to() const { return place_.to() + column() * plan_.column_stride; }
    [[nodiscard]] Index columns() const {
        return std::min(SumPlan::block, plan_.columns - column());
    }

    void next() {
        if (++block_ < plan_.blocks) return;
        block_ = 0;
        place_.next();
    }

private:
    [[nodiscard]] Index column() const { return block_ * SumPlan::block; }

    const SumPlan& plan_;
    Odometer place_;
    Index block_;
};

template <class T>
void put_sums(const SumAxes<T>& call, const SumPlan& plan, const SumUnits& unit,
              const double* sums) {
    const GradientTarget<T> target{call.to + unit.to(), call.accumulate};
    for (Index c = 0; c < unit.columns(); ++c) {
        put_total(target, c * plan.column_stride, call.scale * sums[c]);
    }
}

/// Sums of no terms.
template <class T>
void put_nothing(const SumAxes<T>& call, const SumPlan& plan) {
    Odometer place(plan.kept, 0);
    for (Index i = 0; i < plan.elements; ++i, place.next()) {
        put_total(GradientTarget<T>{call.to, call.accumulate}, place.to(), 0.0);
    }
}

template <class T>
void sum_axes(Context& context, const SumAxes<T>& call) {
    const SumPlan plan(call.axes);
    if (plan.elements == 0) return;
    if (plan.empty) return put_nothing(call, plan);
    const Index parts = plan.parts;
    if (parts == 1) {
        context.parallel_for(pieces_of(plan.units, plan.units_per_chunk), [&](Index chunk) {
            const Index first = chunk * plan.units_per_chunk;
            const Index end = std::min(plan.units, first + plan.units_per_chunk);
            SumUnits unit(plan, first);
            for (Index i = first; i < end; ++i, unit.next()) {
                double sums[static_cast<std::size_t>(SumPlan::block)];
                std::fill_n(sums, unit.columns(), 0.0);
                add_terms(plan, call.from + unit.from(), unit.columns(), 0, plan.terms, sums);
                put_sums(call, plan, unit, sums);
            }
        });
        return;
    }
    Buffer<double> partials = context.buffer<double>(plan.units * parts * SumPlan::block);
    context.parallel_for(plan.units * parts, [&](Index chunk) {
        const SumUnits unit(plan, chunk / parts);
        const Index part = chunk % parts;
        double* const sums = partials.data() + chunk * SumPlan::block;
        std::fill_n(sums, SumPlan::block, 0.0);
        add_terms(plan, call.from + unit.from(), unit.columns(), part * plan.terms / parts,
                  (part + 1) * plan.terms / parts, sums);
    });
    SumUnits unit(plan, 0);
    for (Index i = 0; i < plan.units; ++i, unit.next()) {
        double* const sums = partials.data() + i * parts * SumPlan::block;
        for (Index part = 1; part < parts; ++part) {
            for (Index c = 0; c < SumPlan::block; ++c) sums[c] += sums[part * SumPlan::block + c];
        }
        put_sums(call, plan, unit, sums);
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
