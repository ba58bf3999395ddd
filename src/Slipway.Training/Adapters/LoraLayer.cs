using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>LoRA and DoRA of one matrix.</summary>
/// <remarks>
/// <code>
/// LoRA:  y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ
/// DoRA:  y = m/‖W + s·B·A‖ · (x·Wᵀ + s·(x·Aᵀ)·Bᵀ), norms of rows, without a gradient
/// </code>
/// A is [rank, inputs], uniform as PEFT draws it; B is [outputs, rank], zero; m is [outputs], the norms of W's rows.
/// </remarks>
internal sealed class LoraLayer : ProjectionAdapter
{
    private readonly Parameter _down;
    private readonly Parameter _up;
    private readonly Parameter? _magnitude;
    private readonly double _scale;
    private readonly double _dropout;

    public LoraLayer(Projection projection, int rank, double scale, double dropout, bool dora, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        (_scale, _dropout) = (scale, dropout);
        var bound = 1 / Math.Sqrt(projection.Inputs);
        _down = Trained(zeros(rank, projection.Inputs).uniform_(-bound, bound, generator));
        _up = Trained(zeros(projection.Outputs, rank));
        _magnitude = dora ? Trained(RowNorms(projection.Matrix())) : null;
    }

    public override IReadOnlyList<(string Name, Parameter Weight)> Parameters => _magnitude is null
        ? [("lora_A.weight", _down), ("lora_B.weight", _up)]
        : [("lora_A.weight", _down), ("lora_B.weight", _up), ("lora_magnitude_vector", _magnitude)];

    public override Tensor Apply(Projection projection, Tensor input)
    {
        var dropped = RandomDropout.Apply(input, _dropout);
        var added = nn.functional.linear(
            nn.functional.linear(dropped, _down.to(input.dtype)), _up.to(input.dtype)).Times(_scale);
        if (_magnitude is null)
        {
            return projection.Plain(input).Plus(added);
        }

        // What is left out of the product is left out of what the magnitudes scale too, not of the model's own.
        var factors = Factors(projection.Matrix()).to(input.dtype);
        var plain = projection.Plain(input);
        var scaled = ReferenceEquals(dropped, input) && projection.bias is null
            ? plain : projection.Plain(dropped, withBias: false);
        return plain.Plus(scaled * factors.Plus(-1)).Plus(added * factors);
    }

    public override Tensor Merged(Tensor weight)
    {
        var sum = weight.Plus(_up.mm(_down).Times(_scale));
        return _magnitude is null ? sum : sum * Factors(weight).unsqueeze(1);
    }

    private Tensor Factors(Tensor weight)
    {
        Tensor norms;
        using (no_grad())
        {
            norms = RowNorms(weight.Plus(_up.mm(_down).Times(_scale)));
        }

        return _magnitude! / norms;
    }

    private static Tensor RowNorms(Tensor weight) => weight.Squared().sum(1).sqrt();
}
