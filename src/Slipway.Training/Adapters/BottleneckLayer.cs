using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>A bottleneck behind one matrix: <c>y = h + relu(h·Dᵀ + d)·Uᵀ + u</c> for its output h.</summary>
/// <remarks>D is [size, outputs]; U, [outputs, size], begins at zero, so that training starts from the model.</remarks>
internal sealed class BottleneckLayer : ProjectionAdapter
{
    private readonly Parameter _down;
    private readonly Parameter _downBias;
    private readonly Parameter _up;
    private readonly Parameter _upBias;

    public BottleneckLayer(Projection projection, int size, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var bound = 1 / Math.Sqrt(projection.Outputs);
        _down = Trained(zeros(size, projection.Outputs).uniform_(-bound, bound, generator));
        _downBias = Trained(zeros(size));
        _up = Trained(zeros(projection.Outputs, size));
        _upBias = Trained(zeros(projection.Outputs));
    }

    public override IReadOnlyList<(string Name, Parameter Weight)> Parameters =>
    [
        ("adapter_down.weight", _down), ("adapter_down.bias", _downBias),
        ("adapter_up.weight", _up), ("adapter_up.bias", _upBias),
    ];

    public override Tensor Apply(Projection projection, Tensor input)
    {
        var output = projection.Plain(input);
        var type = input.dtype;
        var inner = nn.functional.relu(nn.functional.linear(output, _down.to(type), _downBias.to(type)));
        return output.Plus(nn.functional.linear(inner, _up.to(type), _upBias.to(type)));
    }

    public override Tensor? Merged(Tensor weight) => null;
}
