using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>Layers that TorchSharp has, with an input of each.</summary>
internal static class Layers
{
    private static readonly Generator Numbers = new(1);

    /// <summary>Layers on images [batch, 4, height, width].</summary>
    public static readonly Dictionary<string, Func<Module<Tensor, Tensor>>> OnImages = new(StringComparer.Ordinal)
    {
        ["conv"] = () => Conv2d(4, 6, 3, padding: 1),
        ["conv with stride and groups"] = () => Conv2d(4, 8, 3, stride: 2, groups: 2, bias: false),
        ["conv with dilation"] = () => Conv2d(4, 4, 3, dilation: 2, padding: 2),
        ["conv padded to the same"] = () => Conv2d(4, 4, 3, padding: Padding.Same),
        ["conv padded by reflection"] = () => Conv2d(4, 4, 3, padding: 1, padding_mode: PaddingModes.Reflect),
        ["transposed conv"] = () => ConvTranspose2d(4, 3, 3, stride: 2, padding: 1, output_padding: 1),
        ["batch norm"] = () => BatchNorm2d(4),
        ["group norm"] = () => Filled(GroupNorm(2, 4)),
        ["instance norm"] = () => InstanceNorm2d(4, affine: true),
        ["instance norm without weights"] = () => InstanceNorm2d(4),
        ["local response norm"] = () => LocalResponseNorm(3),
        ["max pool"] = () => MaxPool2d(2),
        ["max pool with ceiling"] = () => MaxPool2d(3, stride: 2, ceil_mode: true),
        ["max pool with padding"] = () => MaxPool2d(3, stride: 1, padding: 1),
        ["average pool"] = () => AvgPool2d(2),
        ["average pool with padding"] = () => AvgPool2d(3, stride: 2, padding: 1),
        ["average pool without counting padding"] = () => AvgPool2d(3, stride: 2, padding: 1, count_include_pad: false),
        ["adaptive average to one"] = () => AdaptiveAvgPool2d(1),
        ["flatten after pool"] = () => Sequential(AdaptiveAvgPool2d(1), Flatten(), Linear(4, 3)),
        ["upsample nearest"] = () => Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Nearest),
        ["upsample bilinear"] = () => Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Bilinear),
        ["upsample bilinear by corners"] = () => Upsample(
            scale_factor: [2.0, 2.0], mode: UpsampleMode.Bilinear, align_corners: true),
        ["upsample bicubic"] = () => Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Bicubic),
        ["interpolate to a size of another"] = () => Of(x => F.interpolate(
            F.max_pool2d(x, 2), [x.shape[2], x.shape[3]], mode: InterpolationMode.Bilinear)),
        ["pixel shuffle"] = () => PixelShuffle(2),
        ["pixel unshuffle"] = () => Of(x => F.pixel_unshuffle(F.interpolate(x, scale_factor: [2.0, 2.0]), 2)),
        ["zero pad"] = () => ZeroPad2d((1, 2, 0, 1)),
        ["reflection pad"] = () => ReflectionPad2d(1),
        ["replication pad"] = () => ReplicationPad2d(2),
        ["unfold"] = () => Unfold(3, padding: 1),
        ["channel attention"] = () => new SqueezeExcite(4),
        ["residual block"] = () => new Residual(4),
        ["small UNet"] = () => new UNet(),
        ["patches and attention"] = () => new Patches(),
        ["global response"] = () => Of(x => x / (x.norm(2) + 1e-6f).mean([1], true).unsqueeze(2)),
        ["softmax over pixels"] = () => Of(x => x.view(x.shape[0], 4, -1).softmax(-1).view_as(x)),
        ["flip and add"] = () => Of(x => x + x.flip(3)),
        ["grid of positions"] = () => Of(x =>
        {
            var grid = meshgrid([arange(x.shape[2]), arange(x.shape[3])], "ij");
            return x + stack(grid, 0).sum(0);
        }),
        ["prelu by channel"] = () => PReLU(4),
        ["dropout"] = () => Sequential(Conv2d(4, 4, 1), Dropout2d(0.5), Mish()),
    };

    /// <summary>Layers on sequences [sequence, batch, 8].</summary>
    public static readonly Dictionary<string, Func<Module>> OnSequences = new(StringComparer.Ordinal)
    {
        ["lstm"] = () => LSTM(8, 6),
        ["lstm, two layers, both directions"] = () => LSTM(8, 6, numLayers: 2, bidirectional: true),
        ["lstm, batch first, without bias"] = () => LSTM(8, 6, bias: false, batchFirst: true),
        ["gru"] = () => GRU(8, 6),
        ["gru, two layers, both directions"] = () => GRU(8, 6, numLayers: 2, bidirectional: true),
        ["rnn"] = () => RNN(8, 6),
        ["rnn with relu"] = () => RNN(8, 6, nonLinearity: NonLinearities.ReLU),
        ["encoder layer"] = () => TransformerEncoderLayer(8, 2, 16, dropout: 0),
        ["encoder layer with gelu"] = () => TransformerEncoderLayer(8, 4, 16, activation: Activations.GELU),
        ["encoder"] = () => TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 2),
        ["attention"] = () => new SelfAttention(),
        ["attention with weights and masks"] = () => new MaskedAttention(),
        ["decoder"] = () => new Decoding(),
        ["whole transformer"] = () => new Whole(),
        ["layer norm"] = () => LayerNorm(8),
        ["linear"] = () => Linear(8, 5),
        ["conv along the sequence"] = () => Of(x => x.permute(1, 2, 0).relu().permute(2, 0, 1)),
        ["lstm cell stepped once"] = () => new Cells(),
    };

    public static Tensor Image() => randn([1, 4, 8, 8], generator: Numbers);

    public static Tensor Sequence() => randn([4, 2, 8], generator: Numbers);

    private static Module<Tensor, Tensor> Of(Func<Tensor, Tensor> function) => new Function(function);

    // TorchSharp 0.107 leaves these weights as memory was.
    private static TorchSharp.Modules.GroupNorm Filled(TorchSharp.Modules.GroupNorm norm)
    {
        using var scope = no_grad();
        foreach (var weight in norm.parameters())
        {
            weight.normal_();
        }

        return norm;
    }

    private sealed class Function(Func<Tensor, Tensor> function) : Module<Tensor, Tensor>("Function")
    {
        public override Tensor forward(Tensor input) => function(input);
    }

    private sealed class SqueezeExcite : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear _down;
        private readonly TorchSharp.Modules.Linear _up;

        public SqueezeExcite(long channels)
            : base(nameof(SqueezeExcite))
        {
            (_down, _up) = (Linear(channels, 2), Linear(2, channels));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var scale = _up.call(_down.call(input.mean([2, 3])).relu()).sigmoid();
            return input * scale.view(input.shape[0], -1, 1, 1);
        }
    }

    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Sequential _path;

        public Residual(long channels)
            : base(nameof(Residual))
        {
            _path = Sequential(
                Conv2d(channels, channels, 3, padding: 1), BatchNorm2d(channels), ReLU(inplace: true),
                Conv2d(channels, channels, 3, padding: 1), BatchNorm2d(channels));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var output = _path.call(input);
            output += input;
            return output.relu_();
        }
    }

    private sealed class UNet : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Conv2d _first = Conv2d(4, 8, 3, padding: 1);
        private readonly TorchSharp.Modules.Conv2d _second = Conv2d(8, 16, 3, padding: 1);
        private readonly TorchSharp.Modules.ConvTranspose2d _up = ConvTranspose2d(16, 8, 2, stride: 2);
        private readonly TorchSharp.Modules.Conv2d _last = Conv2d(16, 2, 3, padding: 1);

        public UNet()
            : base(nameof(UNet)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var wide = _first.call(input).relu();
            var deep = _second.call(F.max_pool2d(wide, 2)).relu();
            return _last.call(cat([wide, _up.call(deep)], 1));
        }
    }

    private sealed class Patches : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Conv2d _patches = Conv2d(4, 8, 2, stride: 2);
        private readonly TorchSharp.Modules.Linear _qkv = Linear(8, 24);
        private readonly TorchSharp.Modules.Parameter _token = Parameter(randn(1, 1, 8));

        public Patches()
            : base(nameof(Patches)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var x = _patches.call(input).flatten(2).transpose(1, 2);
            x = cat([_token.expand(x.shape[0], -1, -1), x], 1);
            var qkv = _qkv.call(x).reshape(x.shape[0], x.shape[1], 3, 2, 4).permute(2, 0, 3, 1, 4);
            var mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
            return mixed.transpose(1, 2).reshape(x.shape[0], x.shape[1], 8)[.., 0];
        }
    }

    private sealed class SelfAttention : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.MultiheadAttention _attention = MultiheadAttention(8, 2);

        public SelfAttention()
            : base(nameof(SelfAttention)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _attention.call(input, input, input).Item1;
    }

    private sealed class MaskedAttention : Module<Tensor, (Tensor, Tensor)>
    {
        private readonly TorchSharp.Modules.MultiheadAttention _attention = MultiheadAttention(8, 4);

        public MaskedAttention()
            : base(nameof(MaskedAttention)) => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor input)
        {
            var mask = ones(input.shape[0], input.shape[0]).triu(1).to(ScalarType.Bool);
            var (output, weights) = _attention.call(input, input, input, null, true, mask);
            return (output, weights);
        }
    }

    private sealed class Decoding : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.TransformerDecoder _decoder =
            TransformerDecoder(TransformerDecoderLayer(8, 2, 16, 0), 2);

        public Decoding()
            : base(nameof(Decoding)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _decoder.call(input, input.flip(0) * 2);
    }

    private sealed class Whole : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Transformer _transformer = Transformer(8, 2, 1, 1, 16, 0);

        public Whole()
            : base(nameof(Whole)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _transformer.call(input, input * 0.5);
    }

    private sealed class Cells : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.LSTMCell _lstm = LSTMCell(8, 6);
        private readonly TorchSharp.Modules.GRUCell _gru = GRUCell(6, 5);
        private readonly TorchSharp.Modules.RNNCell _rnn = RNNCell(5, 4);

        public Cells()
            : base(nameof(Cells)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var start = zeros(input.shape[1], 6);
            var (hidden, cell) = _lstm.call(input[0], (start, start));
            (hidden, _) = _lstm.call(input[1], (hidden, cell));
            return _rnn.forward(
                _gru.forward(hidden, zeros(input.shape[1], 5)), zeros(input.shape[1], 4));
        }
    }
}
