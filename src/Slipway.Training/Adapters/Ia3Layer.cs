using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>IA3 of one matrix: <c>y = (x ∘ l)·Wᵀ</c> inside feed-forward blocks, <c>y = (x·Wᵀ) ∘ l</c>
/// else.</summary>
/// <remarks>Factors begin at one: [1, inputs] or [outputs, 1].</remarks>
internal sealed class Ia3Layer : ProjectionAdapter
{
    private readonly Parameter _factors;
    private readonly bool _scalesInput;

    public Ia3Layer(Projection projection, bool scalesInput)
    {
        using var scope = NewDisposeScope();
        _scalesInput = scalesInput;
        _factors = Trained(scalesInput ? ones(1, projection.Inputs) : ones(projection.Outputs, 1));
    }

    public override IReadOnlyList<(string Name, Parameter Weight)> Parameters => [("ia3_l", _factors)];

    public override Tensor Apply(Projection projection, Tensor input)
    {
        var factors = _factors.view(-1).to(input.dtype);
        return _scalesInput ? projection.Plain(input * factors) : projection.Plain(input) * factors;
    }

    public override Tensor Merged(Tensor weight) => weight * _factors;

    public override Tensor MergedBias(Tensor bias) => _scalesInput ? bias : bias * _factors.view(-1);
}
