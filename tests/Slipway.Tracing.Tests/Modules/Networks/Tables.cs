using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks on rows of numbers, ids, sets and graphs.</summary>
internal static class Tables
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["perceptron"] = Case.OnRows(() => new Perceptron()),
        ["DeepFM"] = new Case(() => new DeepFm(), () => [Case.Ids(3, 4)], []),
        ["wide and deep"] = Case.OnRows(() => new WideAndDeep()),
        ["cross network"] = Case.OnRows(() => new Cross()),
        ["TabNet"] = Case.OnRows(() => new TabNet()),
        ["FT-Transformer"] = Case.OnRows(() => new FeatureTransformer()),
        ["matrix factorization"] = new Case(() => new Factors(), () => [Case.Ids(5), Case.Ids(5) + 0], []),
        ["mixture of experts"] = Case.OnRows(() => new Experts()),
        ["mixture density network"] = Case.OnRows(() => new MixtureDensity()),
        ["radial basis functions"] = Case.OnRows(() => new RadialBasis()),
        ["dueling DQN"] = Case.OnRows(() => new Dueling()),
        ["neural ODE"] = Case.OnRows(() => new Ode()),
        ["hypernetwork"] = Case.OnRows(() => new Hyper()),
        ["Kolmogorov-Arnold network"] = Case.OnRows(() => new Splines()),
    };

    private sealed class Perceptron : Network
    {
        private readonly Sequential _layers = Sequential(
            ("first", Linear(8, 16)), ("norm", BatchNorm1d(16)), ("relu", ReLU()), ("dropout", Dropout(0.3)),
            ("second", Linear(16, 3)), ("softmax", Softmax(1)));

        public override Tensor forward(Tensor input) => _layers.call(input);
    }

    private sealed class DeepFm : Network
    {
        private readonly Embedding _weights = Embedding(200, 1);
        private readonly Embedding _factors = Embedding(200, 4);
        private readonly Linear _hidden = Linear(16, 8);
        private readonly Linear _out = Linear(8, 1);
        private readonly Tensor _offsets = arange(4, ScalarType.Int64) * 50;

        public override Tensor forward(Tensor input)
        {
            var ids = input + _offsets;
            var factors = _factors.call(ids);
            var pairs = (factors.sum(1).pow(2) - factors.pow(2).sum(1)).sum(1, keepdim: true) * 0.5;
            return (_weights.call(ids).sum(1) + pairs + _out.call(_hidden.call(factors.flatten(1)).relu())).sigmoid();
        }
    }

    private sealed class WideAndDeep : Network
    {
        private readonly Linear _wide = Linear(36, 1);
        private readonly Sequential _deep = Sequential(Linear(8, 16), ReLU(), Linear(16, 1));

        public override Tensor forward(Tensor input)
        {
            List<Tensor> crossed = [];
            for (var left = 0; left < 8; left++)
            {
                for (var right = left; right < 8; right++)
                {
                    crossed.Add(input[.., left] * input[.., right]);
                }
            }

            return _wide.call(stack(crossed, 1)) + _deep.call(input);
        }
    }

    private sealed class Cross : Network
    {
        private readonly ParameterList _weights = ParameterList(
            Enumerable.Range(0, 3).Select(_ => Parameter(randn(8, 1))).ToArray());

        public override Tensor forward(Tensor input)
        {
            var x = input;
            foreach (var weight in _weights)
            {
                x = input * x.mm(weight) + x;
            }

            return x;
        }
    }

    // Features are chosen three times, by sparsemax: the projection onto the simplex.
    private sealed class TabNet : Network
    {
        private readonly ModuleList<Linear> _choose = ModuleList(Linear(4, 8), Linear(4, 8), Linear(4, 8));
        private readonly Linear _shared = Linear(8, 12);
        private readonly Linear _out = Linear(4, 3);

        public override Tensor forward(Tensor input)
        {
            var prior = ones_like(input);
            var parts = _shared.call(input).split([4, 4, 4], 1);
            var sum = zeros(input.shape[0], 4);
            foreach (var choose in _choose)
            {
                var mask = Sparsemax(choose.call(parts[1]) * prior);
                prior *= 1.3 - mask;
                parts = _shared.call(mask * input).split([4, 4, 4], 1);
                sum += parts[0].relu();
            }

            return _out.call(sum);
        }

        private static Tensor Sparsemax(Tensor x)
        {
            var sorted = x.sort(1, descending: true).Values;
            var ranks = arange(1, x.shape[1] + 1, ScalarType.Float32);
            var sums = sorted.cumsum(1) - 1;
            var count = (ranks * sorted > sums).to(ScalarType.Int64).sum(1, keepdim: true);
            return (x - sums.gather(1, count - 1) / count).clamp(min: 0);
        }
    }

    private sealed class FeatureTransformer : Network
    {
        private readonly Parameter _weights = Parameter(randn(8, 6));
        private readonly Parameter _biases = Parameter(randn(8, 6));
        private readonly Parameter _token = Parameter(randn(1, 6));
        private readonly TransformerEncoderLayer _layer = TransformerEncoderLayer(6, 2, 12, 0);
        private readonly Linear _out = Linear(6, 1);

        public override Tensor forward(Tensor input)
        {
            var x = input.unsqueeze(-1) * _weights + _biases;
            x = cat([_token.expand(x.shape[0], 1, 6), x], 1);
            return _out.call(_layer.call(x.transpose(0, 1))[0]);
        }
    }

    private sealed class Factors : PairNetwork
    {
        private readonly Embedding _users = Embedding(50, 6);
        private readonly Embedding _items = Embedding(50, 6);
        private readonly Embedding _biases = Embedding(50, 1);
        private readonly Bilinear _both = Bilinear(6, 6, 1);

        public override Tensor forward(Tensor users, Tensor items)
        {
            var (user, item) = (_users.call(users), _items.call(items));
            return (user * item).sum(1) + _biases.call(items).squeeze(1) + _both.call(user, item).squeeze(1);
        }
    }

    private sealed class Experts : Network
    {
        private readonly Linear _gate = Linear(8, 4);
        private readonly ModuleList<Linear> _experts = ModuleList(
            Linear(8, 6), Linear(8, 6), Linear(8, 6), Linear(8, 6));


        public override Tensor forward(Tensor input)
        {
            var (weights, chosen) = _gate.call(input).topk(2, -1);
            var gates = zeros(input.shape[0], 4).scatter(1, chosen, weights.softmax(-1));
            var results = _experts.Select((expert, at) => expert.call(input) * gates[.., at..(at + 1)]);
            return stack(results.ToArray()).sum(0);
        }
    }

    private sealed class MixtureDensity : Module<Tensor, (Tensor Weights, Tensor Means, Tensor Widths)>
    {
        private readonly Linear _hidden = Linear(8, 12);
        private readonly Linear _out = Linear(12, 15);

        public MixtureDensity()
            : base(nameof(MixtureDensity)) => RegisterComponents();

        public override (Tensor Weights, Tensor Means, Tensor Widths) forward(Tensor input)
        {
            var parts = _out.call(_hidden.call(input).tanh()).view(-1, 3, 5).unbind(1);
            return (parts[0].softmax(-1), parts[1], F.softplus(parts[2]) + 1e-3);
        }
    }

    private sealed class RadialBasis : Network
    {
        private readonly Parameter _centers = Parameter(randn(6, 8));
        private readonly Linear _out = Linear(6, 2);

        public override Tensor forward(Tensor input)
            => _out.call((-cdist(input, _centers).pow(2) / 4).exp());
    }

    private sealed class Dueling : Network
    {
        private readonly Linear _shared = Linear(8, 12);
        private readonly Linear _value = Linear(12, 1);
        private readonly Linear _advantage = Linear(12, 4);

        public override Tensor forward(Tensor input)
        {
            var x = _shared.call(input).relu();
            var advantage = _advantage.call(x);
            return _value.call(x) + advantage - advantage.mean([1L], keepdim: true);
        }
    }

    // Runge and Kutta's method of the fourth order, five steps.
    private sealed class Ode : Network
    {
        private readonly Sequential _slope = Sequential(Linear(9, 16), Tanh(), Linear(16, 8));

        public override Tensor forward(Tensor input)
        {
            const float step = 0.2f;
            var x = input;
            for (var time = 0f; time < 0.99f; time += step)
            {
                var k1 = Slope(x, time);
                var k2 = Slope(x + step / 2 * k1, time + step / 2);
                var k3 = Slope(x + step / 2 * k2, time + step / 2);
                var k4 = Slope(x + step * k3, time + step);
                x = x + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
            }

            return x;
        }

        private Tensor Slope(Tensor x, float time) => _slope.call(cat([x, full_like(x[.., ..1], time)], 1));
    }

    // A network whose weights another one makes of the row.
    private sealed class Hyper : Network
    {
        private readonly Linear _make = Linear(8, 8 * 4 + 4);

        public override Tensor forward(Tensor input)
        {
            var all = _make.call(input);
            var weights = all[.., ..32].reshape(-1, 8, 4);
            return (input.unsqueeze(1).bmm(weights) + all[.., 32..].unsqueeze(1)).squeeze(1);
        }
    }

    // A sum of splines of each number.
    private sealed class Splines : Network
    {
        private readonly Parameter _weights = Parameter(randn(8, 6, 3));
        private readonly Tensor _knots = linspace(-2, 2, 6);

        public override Tensor forward(Tensor input)
        {
            var near = 1 - ((input.unsqueeze(-1) - _knots) / 0.8).abs();
            return einsum("bik,iko->bo", near.clamp(min: 0), _weights) + F.silu(input).sum(1, keepdim: true);
        }
    }
}
