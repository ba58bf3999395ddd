using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>Steps weights by a mean square that rows and columns share (Adafactor: Shazeer and Stern, 2018).</summary>
/// <remarks>
/// <code>
/// β = 1 − step^−0.8
/// R = β·R + (1 − β)·mean over columns(g² + 1e-30), C the same over rows; vectors keep the whole square
/// u = g / √(R·C / mean(R));  u = u / max(1, rms(u))
/// w = w·(1 − rate·decay) − rate·u
/// </code>
/// A matrix of n × m weights holds n + m numbers. The learning rate is the caller's: neither relative steps nor the
/// scale of the parameters are used. Decay applies to every parameter.
/// </remarks>
public sealed class Adafactor : Optimizer
{
    private const double DecayRate = -0.8;
    private const double Epsilon = 1e-30;
    private const double ClipThreshold = 1;

    private readonly Row[] _rows;

    /// <summary>Creates the optimizer with an empty state. The parameters stay the caller's.</summary>
    /// <param name="parameters">The parameters with their names.</param>
    public Adafactor(IReadOnlyCollection<(string Name, Parameter Weight)> parameters)
        : base(parameters.Select(one => one.Weight)) =>
        _rows = [.. parameters.Select(one => Row.Of(one.Name, one.Weight))];

    /// <inheritdoc/>
    public override long Steps { get; set; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State => _rows.SelectMany(row => row.Columns is null
        ? new[] { ($"{row.Name}.exp_avg_sq", row.Squares) }
        : new[] { ($"{row.Name}.exp_avg_sq_row", row.Squares), ($"{row.Name}.exp_avg_sq_col", row.Columns) });

    /// <inheritdoc/>
    public override void Step(double rate, double decay)
    {
        Steps++;
        var kept = 1 - Math.Pow(Steps, DecayRate);
        using var untracked = no_grad();
        foreach (var row in _rows)
        {
            using var scope = NewDisposeScope();
            if (row.Weight.grad is not { } gradient)
            {
                continue;
            }

            var update = row.Update(gradient, kept);
            var size = update.Squared().mean().sqrt().item<float>();
            update.Divide(Math.Max(1, size / ClipThreshold));
            row.Weight.Scale(1 - (rate * decay)).Add(update, -rate);
        }
    }

    private sealed record Row(string Name, Parameter Weight, Tensor Squares, Tensor? Columns)
    {
        public static Row Of(string name, Parameter weight) => weight.dim() == 2
            ? new Row(name, weight, Means(weight, 0), Means(weight, 1))
            : new Row(name, weight, Zeros(weight), null);

        public Tensor Update(Tensor gradient, double kept)
        {
            var square = gradient.Squared().Add(Epsilon);
            if (Columns is null)
            {
                return gradient * Squares.Scale(kept).Add(square, 1 - kept).rsqrt();
            }

            Squares.Scale(kept).Add(square.mean([1]), 1 - kept);
            Columns.Scale(kept).Add(square.mean([0]), 1 - kept);
            return gradient * (Squares / Squares.mean()).rsqrt().unsqueeze(1) * Columns.rsqrt().unsqueeze(0);
        }

        private static Tensor Means(Parameter weight, int dimension) =>
            zeros(weight.shape[dimension]).DetachFromDisposeScope();
    }
}
