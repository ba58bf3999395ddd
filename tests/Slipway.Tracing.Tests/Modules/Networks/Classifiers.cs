using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks from images to labels.</summary>
internal static class Classifiers
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["LeNet"] = Case.OnFixedImages(() => new LeNet()),
        ["VGG"] = Case.OnImages(() => new Vgg()),
        ["ResNet"] = Case.OnImages(() => new ResNet(block: channels => new Basic(channels))),
        ["ResNet with bottlenecks"] = Case.OnImages(() => new ResNet(channels => new Bottleneck(channels))),
        ["SE-ResNet"] = Case.OnImages(() => new ResNet(channels => new SqueezeExcite(channels))),
        ["Res2Net"] = Case.OnImages(() => new ResNet(channels => new Scales(channels))),
        ["non-local network"] = Case.OnImages(() => new ResNet(channels => new NonLocal(channels))),
        ["CBAM"] = Case.OnImages(() => new ResNet(channels => new Cbam(channels))),
        ["ConvNeXt"] = Case.OnImages(() => new ResNet(channels => new ConvNext(channels))),
        ["RepVGG"] = Case.OnImages(() => new ResNet(channels => new RepVgg(channels))),
        ["MobileNet"] = Case.OnImages(() => new ResNet(channels => new Inverted(channels, false))),
        ["EfficientNet"] = Case.OnImages(() => new ResNet(channels => new Inverted(channels, true))),
        ["ShuffleNet"] = Case.OnImages(() => new ResNet(channels => new Shuffle(channels))),
        ["GhostNet"] = Case.OnImages(() => new ResNet(channels => new Ghost(channels))),
        ["Inception"] = Case.OnImages(() => new ResNet(channels => new Inception(channels))),
        ["DenseNet"] = Case.OnImages(() => new DenseNet()),
    };

    private sealed class LeNet : Network
    {
        private readonly Conv2d _first = Conv2d(3, 6, 5, padding: 2);
        private readonly Conv2d _second = Conv2d(6, 16, 5);
        private readonly Linear _hidden = Linear(64, 32);
        private readonly Linear _labels = Linear(32, 10);

        public override Tensor forward(Tensor input)
        {
            var x = F.avg_pool2d(_first.call(input).tanh(), 2);
            x = F.avg_pool2d(_second.call(x).tanh(), 2);
            x = x.view(x.shape[0], -1);
            return F.log_softmax(_labels.call(_hidden.call(x).tanh()), 1);
        }
    }

    private sealed class Vgg : Network
    {
        private readonly Sequential _features = Sequential(
            Conv2d(3, 8, 3, padding: 1), BatchNorm2d(8), ReLU(inplace: true), MaxPool2d(2),
            Conv2d(8, 16, 3, padding: 1), BatchNorm2d(16), ReLU(inplace: true), MaxPool2d(2),
            AdaptiveAvgPool2d([1, 1]), Flatten(), Dropout(0.5), Linear(16, 10));

        public override Tensor forward(Tensor input) => _features.call(input);
    }

    private sealed class ResNet(Func<long, Module<Tensor, Tensor>> block) : Network
    {
        private readonly Conv2d _stem = Conv2d(3, 16, 3, stride: 2, padding: 1);
        private readonly ModuleList<Module<Tensor, Tensor>> _blocks = ModuleList(block(16), block(16));
        private readonly Linear _labels = Linear(16, 10);

        public override Tensor forward(Tensor input)
        {
            var x = _stem.call(input);
            foreach (var part in _blocks)
            {
                x = part.call(x);
            }

            return _labels.call(x.mean([2L, 3L]));
        }
    }

    private sealed class Basic(long channels) : Network
    {
        private readonly Conv2d _first = Conv2d(channels, channels, 3, padding: 1, bias: false);
        private readonly BatchNorm2d _norm = BatchNorm2d(channels);
        private readonly Conv2d _second = Conv2d(channels, channels, 3, padding: 1, bias: false);
        private readonly BatchNorm2d _last = BatchNorm2d(channels);

        public override Tensor forward(Tensor input)
        {
            var x = _last.call(_second.call(_norm.call(_first.call(input)).relu_()));
            return x.add_(input).relu_();
        }
    }

    private sealed class Bottleneck(long channels) : Network
    {
        private readonly Sequential _path = Sequential(
            ("down", Conv2d(channels, channels / 4, 1)), ("relu", ReLU()),
            ("middle", Conv2d(channels / 4, channels / 4, 3, padding: 1)), ("up", Conv2d(channels / 4, channels, 1)));

        public override Tensor forward(Tensor input) => F.relu(_path.call(input) + input);
    }

    private sealed class SqueezeExcite(long channels) : Network
    {
        private readonly Conv2d _conv = Conv2d(channels, channels, 3, padding: 1);
        private readonly Sequential _gate = Sequential(
            AdaptiveAvgPool2d(1), Conv2d(channels, 4, 1), ReLU(), Conv2d(4, channels, 1), Sigmoid());

        public override Tensor forward(Tensor input)
        {
            var x = _conv.call(input);
            return (x * _gate.call(x) + input).relu();
        }
    }

    private sealed class Scales(long channels) : Network
    {
        private readonly ModuleList<Conv2d> _convs = ModuleList(
            Enumerable.Range(0, 3).Select(_ => Conv2d(channels / 4, channels / 4, 3, padding: 1)).ToArray());

        public override Tensor forward(Tensor input)
        {
            var parts = input.chunk(4, 1);
            List<Tensor> results = [parts[0]];
            for (var index = 1; index < parts.Length; index++)
            {
                var part = index == 1 ? parts[index] : parts[index] + results[^1];
                results.Add(_convs[index - 1].call(part).relu());
            }

            return cat(results, 1) + input;
        }
    }

    private sealed class NonLocal(long channels) : Network
    {
        private readonly Conv2d _all = Conv2d(channels, channels / 2 * 3, 1);
        private readonly Conv2d _out = Conv2d(channels / 2, channels, 1);

        public override Tensor forward(Tensor input)
        {
            var flat = _all.call(input).flatten(2).chunk(3, 1);
            var weights = flat[0].transpose(1, 2).bmm(flat[1]).softmax(-1);
            var mixed = weights.bmm(flat[2].transpose(1, 2)).transpose(1, 2);
            return input + _out.call(mixed.reshape(input.shape[0], -1, input.shape[2], input.shape[3]));
        }
    }

    private sealed class Cbam(long channels) : Network
    {
        private readonly Sequential _shared = Sequential(Linear(channels, 4), ReLU(), Linear(4, channels));
        private readonly Conv2d _spatial = Conv2d(2, 1, 7, padding: 3);

        public override Tensor forward(Tensor input)
        {
            var scale = _shared.call(input.mean([2L, 3L])) + _shared.call(input.amax([2, 3]));
            var x = input * scale.sigmoid().unsqueeze(-1).unsqueeze(-1);
            var map = cat([x.mean([1L], keepdim: true), x.max(1, keepdim: true).values], 1);
            return x * _spatial.call(map).sigmoid();
        }
    }

    private sealed class ConvNext(long channels) : Network
    {
        private readonly Conv2d _depthwise = Conv2d(channels, channels, 7, padding: 3, groups: channels);
        private readonly LayerNorm _norm = LayerNorm(channels, 1e-6);
        private readonly Linear _up = Linear(channels, 4 * channels);
        private readonly Linear _down = Linear(4 * channels, channels);
        private readonly Parameter _scale = Parameter(full(channels, 0.1f));

        public override Tensor forward(Tensor input)
        {
            var x = _norm.call(_depthwise.call(input).permute(0, 2, 3, 1));
            x = _scale * _down.call(F.gelu(_up.call(x)));
            return input + x.permute(0, 3, 1, 2);
        }
    }

    private sealed class RepVgg(long channels) : Network
    {
        private readonly Conv2d _three = Conv2d(channels, channels, 3, padding: 1);
        private readonly Conv2d _one = Conv2d(channels, channels, 1);
        private readonly BatchNorm2d _identity = BatchNorm2d(channels);

        public override Tensor forward(Tensor input)
            => (_three.call(input) + _one.call(input) + _identity.call(input)).relu();
    }

    private sealed class Inverted(long channels, bool excites) : Network
    {
        private readonly Sequential _expand = Sequential(
            Conv2d(channels, 4 * channels, 1, bias: false), BatchNorm2d(4 * channels), SiLU());

        private readonly Sequential _depthwise = Sequential(
            Conv2d(4 * channels, 4 * channels, 3, padding: 1, groups: 4 * channels, bias: false),
            BatchNorm2d(4 * channels), ReLU6());

        private readonly Linear _squeeze = Linear(4 * channels, 8);
        private readonly Linear _excite = Linear(8, 4 * channels);
        private readonly Conv2d _project = Conv2d(4 * channels, channels, 1);

        public override Tensor forward(Tensor input)
        {
            var x = _depthwise.call(_expand.call(input));
            if (excites)
            {
                var scale = _excite.call(F.silu(_squeeze.call(x.mean([2L, 3L])))).sigmoid();
                x *= scale[.., .., TensorIndex.None, TensorIndex.None];
            }

            return _project.call(x) + input;
        }
    }

    private sealed class Shuffle(long channels) : Network
    {
        private readonly Conv2d _first = Conv2d(channels, channels, 1, groups: 4);
        private readonly Conv2d _second = Conv2d(channels, channels, 1, groups: 4);

        public override Tensor forward(Tensor input)
        {
            var x = _first.call(input).relu();
            var (batch, width, height) = (x.shape[0], x.shape[3], x.shape[2]);
            x = x.view(batch, 4, channels / 4, height, width).transpose(1, 2).contiguous()
                .view(batch, channels, height, width);
            return _second.call(x) + input;
        }
    }

    private sealed class Ghost(long channels) : Network
    {
        private readonly Conv2d _primary = Conv2d(channels, channels / 2, 1);
        private readonly Conv2d _cheap = Conv2d(channels / 2, channels / 2, 3, padding: 1, groups: channels / 2);

        public override Tensor forward(Tensor input)
        {
            var x = _primary.call(input).relu();
            return hstack([x, _cheap.call(x)])[.., ..(int)channels] + input;
        }
    }

    private sealed class Inception(long channels) : Network
    {
        private readonly Conv2d _one = Conv2d(channels, channels / 4, 1);
        private readonly Conv2d _wide = Conv2d(channels, channels / 4, (1, 7), padding: (0, 3));
        private readonly Conv2d _tall = Conv2d(channels, channels / 4, (7, 1), padding: (3, 0));
        private readonly Conv2d _pooled = Conv2d(channels, channels / 4, 1);

        public override Tensor forward(Tensor input)
        {
            Tensor Pooled(Tensor x) => _pooled.call(F.max_pool2d(x, 3, stride: 1, padding: 1));
            return cat(new[] { _one.call, _wide.call, _tall.call, (Func<Tensor, Tensor>)Pooled }
                .Select(branch => branch(input).relu()).ToList(), 1);
        }
    }

    private sealed class DenseNet : Network
    {
        private readonly ModuleList<Conv2d> _layers = ModuleList(
            Enumerable.Range(0, 4).Select(index => Conv2d(3 + (4 * index), 4, 3, padding: 1)).ToArray());

        private readonly Conv2d _transition = Conv2d(19, 8, 1);
        private readonly Linear _labels = Linear(8, 10);

        public override Tensor forward(Tensor input)
        {
            List<Tensor> features = [input];
            foreach (var layer in _layers)
            {
                features.Add(layer.call(cat(features, 1)).relu());
            }

            var x = F.avg_pool2d(_transition.call(cat(features, 1)), 2);
            return _labels.call(F.adaptive_avg_pool2d(x, [1, 1]).flatten(1));
        }
    }
}
