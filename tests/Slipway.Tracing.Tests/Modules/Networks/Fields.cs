using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks on pairs of images, on points and directions.</summary>
internal static class Fields
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["Siamese"] = new Case(
            () => new Siamese(), () => [Case.Normal(2, 3, 16, 16), Case.Normal(2, 3, 16, 16) * 2],
            [("left", 2, new DynamicAxis("height", 16, 96, 8)), ("right", 2, "height".Named())]),
        ["NeRF"] = new Case(
            () => new Nerf(), () => [Case.Normal(2, 5, 3), Case.Normal(2, 5, 3)],
            [("points", 1, new DynamicAxis("samples", 1, 300)), ("directions", 1, "samples".Named())]),
        ["SIREN"] = new Case(
            () => new Siren(), () => [Case.Normal(2, 5, 2)], [("input", 1, new DynamicAxis("points", 1, 300))]),
    };

    private static DynamicAxis Named(this string name) => new(name);

    private sealed class Siamese : PairNetwork
    {
        private readonly Sequential _tower = Sequential(
            Conv2d(3, 8, 3, stride: 2), ReLU(), AdaptiveAvgPool2d(1), Flatten(), Linear(8, 6));

        public override Tensor forward(Tensor left, Tensor right)
        {
            var (a, b) = (F.normalize(_tower.call(left)), F.normalize(_tower.call(right)));
            return stack([F.pairwise_distance(a, b), F.cosine_similarity(a, b)], 1);
        }
    }

    private sealed class Nerf : PairNetwork
    {
        private readonly Linear _first = Linear(27, 16);
        private readonly Linear _second = Linear(16 + 27, 16);
        private readonly Linear _density = Linear(16, 1);
        private readonly Linear _color = Linear(16 + 15, 3);

        public override Tensor forward(Tensor points, Tensor directions)
        {
            var place = Encode(points, 4);
            var x = F.relu(_first.call(place));
            x = F.relu(_second.call(cat([x, place], -1)));
            var alpha = 1 - (-F.softplus(_density.call(x))).exp();
            var color = _color.call(cat([x, Encode(directions / directions.norm(-1, keepdim: true), 2)], -1)).sigmoid();
            var before = (1 - alpha + 1e-10).cumprod(1).roll(1, 1);
            before[.., 0] = 1;
            return (alpha * before * color).sum(1);
        }

        private static Tensor Encode(Tensor x, int count)
        {
            List<Tensor> parts = [x];
            for (var power = 0; power < count; power++)
            {
                foreach (var function in (Func<Tensor, Tensor>[])[sin, cos])
                {
                    parts.Add(function(x * Math.Pow(2, power)));
                }
            }

            return cat(parts, -1);
        }
    }

    private sealed class Siren : Network
    {
        private readonly ModuleList<Linear> _layers = ModuleList(Linear(2, 16), Linear(16, 16), Linear(16, 3));

        public override Tensor forward(Tensor input)
            => _layers[^1].call(_layers.SkipLast(1).Aggregate(input, (x, layer) => (layer.call(x) * 30).sin()));
    }
}
