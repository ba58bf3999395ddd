using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks on series of numbers, and on memories of ids.</summary>
internal static class Series
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["DLinear"] = new Case(() => new DLinear(), () => [Case.Normal(2, 24, 3)], []),
        ["N-BEATS"] = new Case(() => new NBeats(), () => [Case.Normal(2, 12)], []),
        ["gated residual network"] = Case.OnSequences(() => new GatedResidual()),
        ["memory network"] = Case.OnIds(() => new MemoryNetwork()),
        ["pointer network"] = Case.OnSequences(() => new PointerNetwork()),
        ["quasi-recurrent network"] = Case.OnSequences(() => new Minimal()),
        ["spectrogram by convolution"] = new Case(
            () => new Spectrogram(), () => [Case.Normal(2, 160)],
            [("input", 1, new DynamicAxis("samples", 80, 800, 40))]),
    };

    private sealed class DLinear : Network
    {
        private readonly Linear _trend = Linear(24, 6);
        private readonly Linear _season = Linear(24, 6);

        public override Tensor forward(Tensor input)
        {
            var first = input[.., ..1].repeat(1, 2, 1);
            var last = input[.., ^1..].repeat(1, 2, 1);
            var trend = F.avg_pool1d(cat([first, input, last], 1).permute(0, 2, 1), 5, stride: 1);
            return (_trend.call(trend) + _season.call(input.permute(0, 2, 1) - trend)).permute(0, 2, 1);
        }
    }

    // Each block explains a part of the past and predicts by it.
    private sealed class NBeats : Network
    {
        private readonly ModuleList<Linear> _blocks = ModuleList(Linear(12, 16), Linear(12, 16), Linear(12, 16));

        public override Tensor forward(Tensor input)
        {
            var forecast = zeros(input.shape[0], 4);
            var rest = input * 1;
            foreach (var block in _blocks)
            {
                var (past, future) = (block.call(rest)[.., ..12], block.call(rest)[.., 12..]);
                rest -= past.relu();
                forecast += future;
            }

            return forecast;
        }
    }

    private sealed class GatedResidual : Network
    {
        private readonly Linear _first = Linear(8, 8);
        private readonly Linear _second = Linear(8, 16);
        private readonly LayerNorm _norm = LayerNorm(8);

        public override Tensor forward(Tensor input)
            => _norm.call(input + F.glu(_second.call(F.elu(_first.call(input), 1))));
    }

    private sealed class MemoryNetwork : Network
    {
        private readonly Embedding _input = Embedding(50, 8);
        private readonly Embedding _output = Embedding(50, 8);
        private readonly Parameter _start = Parameter(randn(8));

        public override Tensor forward(Tensor input)
        {
            var state = _start.expand(input.shape[0], 8);
            for (var hop = 0; hop < 3; hop++)
            {
                var weights = (_input.call(input) * state.unsqueeze(1)).sum(2).softmax(1);
                state = state + weights.unsqueeze(1).bmm(_output.call(input)).squeeze(1);
            }

            return state;
        }
    }

    private sealed class PointerNetwork : Network
    {
        private readonly LSTM _read = LSTM(8, 8, batchFirst: true);
        private readonly Linear _query = Linear(8, 8, hasBias: false);
        private readonly Parameter _vector = Parameter(randn(8));

        public override Tensor forward(Tensor input)
        {
            var (states, hidden, _) = _read.call(input);
            return (states + _query.call(hidden.squeeze(0)).unsqueeze(1)).tanh().matmul(_vector).argmax(-1);
        }
    }

    // h = z ∗ h + (1 − z) ∗ x over all steps at once, by sums of logarithms.
    private sealed class Minimal : Network
    {
        private readonly Linear _gates = Linear(8, 16);

        public override Tensor forward(Tensor input)
        {
            var parts = _gates.call(input).tensor_split(2, -1);
            var keep = F.logsigmoid(parts[0]).cumsum(1);
            var added = (F.logsigmoid(-parts[0]) + parts[1].tanh() - keep).exp();
            return keep.exp() * added.cumsum(1);
        }
    }

    private sealed class Spectrogram : Network
    {
        private readonly Tensor _basis = Basis(40);
        private readonly Linear _mel = Linear(21, 8);

        public override Tensor forward(Tensor input)
        {
            var parts = F.conv1d(input.unsqueeze(1), _basis, stride: 20).chunk(2, 1);
            var power = parts[0].square() + parts[1].square();
            return _mel.call(power.mT).relu().log1p();
        }

        private static Tensor Basis(int size)
        {
            var angles = outer(arange(size / 2 + 1), arange(size)) * (2 * Math.PI / size);
            return cat([angles.cos(), -angles.sin()], 0).unsqueeze(1).to(ScalarType.Float32) * hann_window(size);
        }
    }
}
