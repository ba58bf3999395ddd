using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>
/// Steps matrices by their orthogonalized momentum (Muon: Jordan and others, 2024), the rest by AdamW.
/// </summary>
/// <remarks>
/// <para>
/// A matrix's momentum is brought near to the closest matrix with orthogonal rows by five iterations of Newton and
/// Schulz, so that every direction is learned at the same speed, not the strongest alone. Embedding and output
/// tables, where most rows have no gradient in a step, and vectors are stepped by <see cref="AdamW"/>.
/// </para>
/// <para>
/// A step is scaled by 0.2 times the root of the matrix's longer side: its root mean square is then about that of a
/// step of AdamW, and one learning rate serves both (Liu and others, "Muon is scalable for LLM training", 2025).
/// </para>
/// </remarks>
public sealed class Muon : Optimizer
{
    // Embeddings and heads of decoders and encoders: a step's tokens give few of their rows a gradient.
    private static readonly string[] Tables =
    [
        "embed_tokens.weight", "lm_head.weight", "wte.weight", "wpe.weight", "word_embeddings.weight",
        "position_embeddings.weight", "token_type_embeddings.weight", "tok_embeddings.weight", "decoder.weight",
        "vocab_projector.weight", "classifier.weight", "out_proj.weight", "score.weight", "prompt_embeddings",
    ];

    private const double Momentum = 0.95;
    private const double StepSize = 0.2;
    private const int Iterations = 5;

    private readonly AdamW _rest;
    private readonly (string Name, Parameter Weight, Tensor Momentum)[] _rows;
    private readonly ParallelOptions _threads;

    /// <summary>Creates the optimizer with an empty state. The parameters stay the caller's.</summary>
    /// <param name="parameters">The parameters with their names.</param>
    /// <param name="threads">How many matrices are computed at once; the result is the same for every number.</param>
    public Muon(IReadOnlyCollection<(string Name, Parameter Weight)> parameters, int threads)
        : base(parameters.Select(one => one.Weight))
    {
        _threads = new ParallelOptions { MaxDegreeOfParallelism = threads };
        _rest = new AdamW([.. parameters.Where(one => !IsMatrix(one))]);
        _rows = [.. parameters.Where(IsMatrix).Select(one => (one.Name, one.Weight, Zeros(one.Weight)))];
    }

    /// <inheritdoc/>
    public override long Steps
    {
        get => _rest.Steps;
        set => _rest.Steps = value;
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State =>
        _rest.State.Concat(_rows.Select(row => ($"{row.Name}.momentum", row.Momentum)));

    /// <inheritdoc/>
    public override void Step(double rate, double decay)
    {
        _rest.Step(rate, decay);
        Parallel.ForEach(_rows, _threads, row =>
        {
            if (row.Weight.grad is not { } gradient)
            {
                return;
            }

            using var scope = NewDisposeScope();
            using var untracked = no_grad();
            row.Momentum.Scale(Momentum).Add(gradient);
            var size = StepSize * Math.Sqrt(Math.Max(row.Weight.shape[0], row.Weight.shape[1]));
            var direction = Orthogonalize(gradient.Plus(row.Momentum, Momentum));
            row.Weight.Scale(1 - (rate * decay)).Add(direction, -rate * size);
        });
    }

    // The coefficients are the published ones: singular values end between about 0.7 and 1.2, which is near enough.
    private static Tensor Orthogonalize(Tensor matrix)
    {
        var tall = matrix.shape[0] > matrix.shape[1];
        var wide = tall ? matrix.t() : matrix;
        wide = wide / wide.norm().Plus(1e-7);
        for (var iteration = 0; iteration < Iterations; iteration++)
        {
            var square = wide.mm(wide.t());
            wide = addmm(wide, addmm(square, square, square, -4.7750f, 2.0315f), wide, 3.4445f, 1);
        }

        return tall ? wide.t() : wide;
    }

    private static bool IsMatrix((string Name, Parameter Weight) parameter) => parameter.Weight.dim() == 2
        && !Tables.Any(name => parameter.Name == name
            || parameter.Name.EndsWith($".{name}", StringComparison.Ordinal));
}
