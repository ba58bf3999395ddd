using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks from images to images, boxes, codes and the like.</summary>
internal static class Images
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["UNet"] = Case.OnImages(() => new UNet()),
        ["FCN"] = Case.OnImages(() => new Fcn()),
        ["DeepLab"] = Case.OnImages(() => new DeepLab()),
        ["feature pyramid"] = Case.OnImages(() => new Pyramid()),
        ["YOLO"] = Case.OnImages(() => new Yolo()),
        ["CenterNet"] = Case.OnImages(() => new CenterNet()),
        ["autoencoder"] = Case.OnImages(() => new Autoencoder()),
        ["VAE"] = Case.OnFixedImages(() => new Vae()),
        ["GAN, generator"] = new Case(() => new Generator(), () => [Case.Normal(2, 12, 1, 1)], []),
        ["GAN, discriminator"] = Case.OnFixedImages(() => new Discriminator()),
        ["style transfer"] = Case.OnImages(() => new Style()),
        ["super-resolution"] = Case.OnImages(() => new SuperResolution()),
        ["hourglass"] = Case.OnImages(() => new Hourglass()),
        ["CoordConv"] = Case.OnImages(() => new CoordConv()),
        ["diffusion step"] = Case.OnFixedImages(() => new Denoiser()),
    };

    private static Conv2d Three(long from, long to) => Conv2d(from, to, 3, padding: 1);

    private sealed class UNet : Network
    {
        private readonly ModuleList<Conv2d> _down = ModuleList(Three(3, 4), Three(4, 8), Three(8, 16));
        private readonly ModuleList<ConvTranspose2d> _up = ModuleList(
            ConvTranspose2d(16, 8, 2, stride: 2), ConvTranspose2d(8, 4, 2, stride: 2));

        private readonly ModuleList<Conv2d> _merge = ModuleList(Three(16, 8), Three(8, 4));
        private readonly Conv2d _last = Conv2d(4, 2, 1);

        public override Tensor forward(Tensor input)
        {
            Stack<Tensor> skipped = new();
            var x = _down[0].call(input).relu();
            foreach (var layer in _down.Skip(1))
            {
                skipped.Push(x);
                x = layer.call(F.max_pool2d(x, 2)).relu();
            }

            for (var level = 0; level < _up.Count; level++)
            {
                x = _up[level].call(x);
                var other = skipped.Pop();
                if (x.shape[2] != other.shape[2] || x.shape[3] != other.shape[3])
                {
                    x = F.interpolate(x, other.shape[2..]);
                }

                x = _merge[level].call(cat([other, x], 1)).relu();
            }

            return _last.call(x);
        }
    }

    private sealed class Fcn : Network
    {
        private readonly Sequential _body = Sequential(
            Three(3, 8), ReLU(), MaxPool2d(2), Three(8, 16), ReLU(), MaxPool2d(2));
        private readonly Conv2d _scores = Conv2d(16, 5, 1);

        public override Tensor forward(Tensor input)
            => F.interpolate(
                _scores.call(_body.call(input)), [input.size(2), input.size(-1)],
                mode: InterpolationMode.Bilinear, align_corners: false).argmax(1);
    }

    private sealed class DeepLab : Network
    {
        private readonly Conv2d _stem = Conv2d(3, 8, 3, stride: 2, padding: 1);
        private readonly ModuleList<Conv2d> _rates = ModuleList(
            new[] { 1, 2, 4 }.Select(rate => Conv2d(8, 4, 3, padding: rate, dilation: rate)).ToArray());

        private readonly Conv2d _pooled = Conv2d(8, 4, 1);
        private readonly Conv2d _scores = Conv2d(16, 5, 1);

        public override Tensor forward(Tensor input)
        {
            var x = _stem.call(input).relu();
            var branches = _rates.Select(rate => rate.call(x)).ToList();
            branches.Add(_pooled.call(F.adaptive_avg_pool2d(x, 1)).expand(-1, -1, x.shape[2], x.shape[3]));
            return F.interpolate(
                _scores.call(cat(branches, 1)), scale_factor: [2.0, 2.0], mode: InterpolationMode.Bilinear,
                align_corners: true);
        }
    }

    private sealed class Pyramid : Module<Tensor, Dictionary<string, Tensor>>
    {
        private readonly ModuleList<Conv2d> _levels = ModuleList(
            Conv2d(3, 8, 3, stride: 2, padding: 1), Conv2d(8, 8, 3, stride: 2, padding: 1),
            Conv2d(8, 8, 3, stride: 2, padding: 1));

        private readonly ModuleDict<Conv2d> _out = ModuleDict(
            ("p0", Three(8, 4)), ("p1", Three(8, 4)), ("p2", Three(8, 4)));

        public Pyramid()
            : base(nameof(Pyramid)) => RegisterComponents();

        public override Dictionary<string, Tensor> forward(Tensor input)
        {
            List<Tensor> features = [];
            foreach (var level in _levels)
            {
                features.Add(level.call(features.LastOrDefault() ?? input).relu());
            }

            for (var level = features.Count - 2; level >= 0; level--)
            {
                features[level] = features[level]
                    + F.interpolate(features[level + 1], features[level].shape[2..], mode: InterpolationMode.Nearest);
            }

            return features.Select((feature, level) => ($"p{level}", feature))
                .ToDictionary(item => item.Item1, item => _out[item.Item1].call(item.feature));
        }
    }

    // Boxes of each cell, by its place and three anchors.
    private sealed class Yolo : Network
    {
        private readonly Sequential _body = Sequential(
            Conv2d(3, 8, 3, stride: 2, padding: 1), LeakyReLU(0.1),
            Conv2d(8, 8, 3, stride: 4, padding: 1), LeakyReLU(0.1));

        private readonly Conv2d _head = Conv2d(8, 3 * 7, 1);
        private readonly Tensor _anchors = tensor(new float[] { 10, 13, 16, 30, 33, 23 }).view(1, 3, 1, 1, 2);

        public override Tensor forward(Tensor input)
        {
            var x = _head.call(_body.call(input));
            var (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3]);
            x = x.view(batch, 3, 7, height, width).permute(0, 1, 3, 4, 2).contiguous().sigmoid();
            var cells = meshgrid([arange(height), arange(width)], "ij");
            var places = stack([cells[1], cells[0]], 2).view(1, 1, height, width, 2);
            var centers = (x[TensorIndex.Ellipsis, ..2] * 2 - 0.5 + places) * 8;
            var sides = (x[TensorIndex.Ellipsis, 2..4] * 2).pow(2) * _anchors;
            return cat([centers, sides, x[TensorIndex.Ellipsis, 4..]], -1).view(batch, -1, 7);
        }
    }

    // The four highest peaks of a heat map, with the sizes that stand there.
    private sealed class CenterNet : Module<Tensor, (Tensor Scores, Tensor Places, Tensor Sides)>
    {
        private readonly Conv2d _body = Conv2d(3, 8, 3, stride: 4, padding: 1);
        private readonly Conv2d _heat = Conv2d(8, 1, 1);
        private readonly Conv2d _sides = Conv2d(8, 2, 1);

        public CenterNet()
            : base(nameof(CenterNet)) => RegisterComponents();

        public override (Tensor Scores, Tensor Places, Tensor Sides) forward(Tensor input)
        {
            var x = _body.call(input).relu();
            var heat = _heat.call(x).sigmoid();
            var peaks = heat * (0.5 + F.max_pool2d(heat, 3, stride: 1, padding: 1).eq(heat).to(heat.dtype));
            var (scores, places) = peaks.flatten(1).topk(4, 1);
            var index = places.unsqueeze(1).expand(-1, 2, -1);
            return (
                scores, cat([places / x.shape[3], places % x.shape[3]], 1),
                _sides.call(x).flatten(2).gather(2, index));
        }
    }

    private sealed class Autoencoder : Network
    {
        private readonly Sequential _encoder = Sequential(
            Conv2d(3, 8, 3, stride: 2, padding: 1), ELU(), Conv2d(8, 12, 3, stride: 2, padding: 1), ELU());

        private readonly Sequential _decoder = Sequential(
            ConvTranspose2d(12, 8, 3, stride: 2, padding: 1, output_padding: 1), ELU(),
            ConvTranspose2d(8, 3, 4, stride: 2, padding: 1), Sigmoid());

        public override Tensor forward(Tensor input) => _decoder.call(_encoder.call(input));
    }

    private sealed class Vae : Module<Tensor, (Tensor Image, Tensor Mean, Tensor LogVariance)>
    {
        private readonly Linear _encoder = Linear(768, 32);
        private readonly Linear _mean = Linear(32, 4);
        private readonly Linear _logVariance = Linear(32, 4);
        private readonly Sequential _decoder = Sequential(Linear(4, 32), ReLU(), Linear(32, 768), Sigmoid());

        public Vae()
            : base(nameof(Vae)) => RegisterComponents();

        public override (Tensor Image, Tensor Mean, Tensor LogVariance) forward(Tensor input)
        {
            var x = F.relu(_encoder.call(input.view(-1, 768)));
            var (mean, logVariance) = (_mean.call(x), _logVariance.call(x));
            var code = training ? mean + randn_like(mean) * (logVariance / 2).exp() : mean;
            return (_decoder.call(code).view_as(input), mean, logVariance);
        }
    }

    private sealed class Generator : Network
    {
        private readonly Sequential _layers = Sequential(
            ConvTranspose2d(12, 16, 4, bias: false), BatchNorm2d(16), ReLU(true),
            ConvTranspose2d(16, 8, 4, stride: 2, padding: 1, bias: false), BatchNorm2d(8), ReLU(true),
            ConvTranspose2d(8, 3, 4, stride: 2, padding: 1, bias: false), Tanh());

        public override Tensor forward(Tensor input) => _layers.call(input);
    }

    // The spread of a batch is one of its features, as in progressive GANs.
    private sealed class Discriminator : Network
    {
        private readonly Sequential _layers = Sequential(
            Conv2d(3, 8, 4, stride: 2, padding: 1), LeakyReLU(0.2, inplace: true),
            Conv2d(8, 16, 4, stride: 2, padding: 1), InstanceNorm2d(16), LeakyReLU(0.2, inplace: true));

        private readonly Conv2d _last = Conv2d(17, 1, 4);

        public override Tensor forward(Tensor input)
        {
            var x = _layers.call(input);
            var spread = (x - x.mean([0L], keepdim: true)).pow(2).mean([0L]).sqrt().mean();
            return _last.call(cat([x, spread.expand(x.shape[0], 1, x.shape[2], x.shape[3])], 1)).view(-1);
        }
    }

    private sealed class Style : Network
    {
        private readonly Sequential _layers = Sequential(
            ReflectionPad2d(4), Conv2d(3, 8, 9), InstanceNorm2d(8, affine: true), ReLU(),
            ReflectionPad2d(1), Conv2d(8, 8, 3, stride: 2), InstanceNorm2d(8, affine: true), ReLU(),
            Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Nearest), ReflectionPad2d(1), Conv2d(8, 3, 3));

        public override Tensor forward(Tensor input) => _layers.call(input).clamp(0, 1) * 255;
    }

    private sealed class SuperResolution : Network
    {
        private readonly Conv2d _first = Conv2d(3, 8, 5, padding: 2);
        private readonly PReLU _activation = PReLU(8);
        private readonly Conv2d _last = Three(8, 27);
        private readonly PixelShuffle _shuffle = PixelShuffle(3);

        public override Tensor forward(Tensor input)
            => _shuffle.call(_last.call(_activation.call(_first.call(input))))
                + F.interpolate(input, scale_factor: [3.0, 3.0], mode: InterpolationMode.Bicubic, align_corners: false);
    }

    private sealed class Hourglass : Network
    {
        private readonly Conv2d _stem = Three(3, 6);
        private readonly Conv2d _shared = Three(6, 6);
        private readonly Conv2d _last = Conv2d(6, 2, 1);

        public override Tensor forward(Tensor input) => _last.call(Nested(_stem.call(input), 3));

        private Tensor Nested(Tensor x, int depth)
            => depth == 0 ? _shared.call(x).relu()
                : _shared.call(x).relu() + F.interpolate(
                    Nested(F.max_pool2d(x, 2), depth - 1), scale_factor: [2.0, 2.0], mode: InterpolationMode.Nearest);
    }

    private sealed class CoordConv : Network
    {
        private readonly Conv2d _conv = Three(5, 4);

        public override Tensor forward(Tensor input)
        {
            var (batch, height, width) = (input.shape[0], input.shape[2], input.shape[3]);
            var rows = linspace(-1, 1, height).view(1, 1, height, 1).expand(batch, 1, height, width);
            var columns = linspace(-1, 1, width).view(1, 1, 1, width).expand(batch, 1, height, width);
            return _conv.call(cat([input, rows, columns], 1));
        }
    }

    // A network that tells noise by the step of a diffusion, here the brightness of the image.
    private sealed class Denoiser : Network
    {
        private readonly Linear _time = Linear(16, 8);
        private readonly Conv2d _first = Three(3, 8);
        private readonly BatchNorm2d _norm = BatchNorm2d(8);
        private readonly Conv2d _last = Three(8, 3);

        public override Tensor forward(Tensor input)
        {
            var time = input.mean([1L, 2L, 3L]);
            var frequencies = exp(arange(8, ScalarType.Float32) * (-Math.Log(10000) / 8));
            var angles = time.unsqueeze(1) * frequencies.unsqueeze(0);
            var shift = F.silu(_time.call(cat([angles.sin(), angles.cos()], -1)));
            return _last.call(F.silu(_norm.call(_first.call(input)) + shift.unsqueeze(-1).unsqueeze(-1))) + input;
        }
    }
}
