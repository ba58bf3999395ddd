using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks that take images apart into patches, capsules and columns.</summary>
internal static class Tokens
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["MLP-Mixer"] = Case.OnFixedImages(() => new Mixer()),
        ["ViT"] = Case.OnFixedImages(() => new VisionTransformer()),
        ["Swin"] = Case.OnImages(() => new Swin()),
        ["CapsNet"] = Case.OnFixedImages(() => new Capsules()),
        ["CRNN"] = Case.OnImages(() => new Crnn()),
    };

    private sealed class Mixer : Network
    {
        private readonly Conv2d _patches = Conv2d(3, 16, 4, stride: 4);
        private readonly LayerNorm _first = LayerNorm(16);
        private readonly Sequential _tokens = Sequential(Linear(16, 32), GELU(), Linear(32, 16));
        private readonly LayerNorm _second = LayerNorm(16);
        private readonly Sequential _channels = Sequential(Linear(16, 32), GELU(), Linear(32, 16));
        private readonly Linear _labels = Linear(16, 10);

        public override Tensor forward(Tensor input)
        {
            var x = _patches.call(input).flatten(2).transpose(1, 2);
            x = x + _tokens.call(_first.call(x).mT).mT;
            x = x + _channels.call(_second.call(x));
            return _labels.call(x.mean([1L]));
        }
    }

    private sealed class VisionTransformer : Network
    {
        private readonly Conv2d _patches = Conv2d(3, 16, 4, stride: 4);
        private readonly Parameter _token = Parameter(randn(1, 1, 16));
        private readonly Parameter _positions = Parameter(randn(1, 17, 16));
        private readonly TransformerEncoder _encoder = TransformerEncoder(TransformerEncoderLayer(16, 4, 32), 2);
        private readonly Linear _labels = Linear(16, 10);

        public override Tensor forward(Tensor input)
        {
            var x = _patches.call(input).flatten(2).permute(0, 2, 1);
            x = cat([_token.expand(x.shape[0], -1, -1), x], 1) + _positions;
            return _labels.call(_encoder.call(x.transpose(0, 1))[0]);
        }
    }

    // Attention within windows of 4 × 4, the second time shifted by half of one.
    private sealed class Swin : Network
    {
        private readonly Conv2d _patches = Conv2d(3, 16, 2, stride: 2);
        private readonly Linear _qkv = Linear(16, 48);
        private readonly Linear _labels = Linear(16, 10);

        public override Tensor forward(Tensor input)
        {
            var x = _patches.call(input).permute(0, 2, 3, 1);
            x = x + Windows(x);
            x = x + Windows(x.roll([-2L, -2], [1L, 2])).roll([2L, 2], [1L, 2]);
            return _labels.call(x.flatten(1, 2).mean([1L]));
        }

        private Tensor Windows(Tensor x)
        {
            var (batch, rows, columns) = (x.shape[0], x.shape[1] / 4, x.shape[2] / 4);
            var windows = x.view(batch, rows, 4, columns, 4, 16).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 16);
            var parts = _qkv.call(windows).chunk(3, -1);
            var mixed = F.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
            return mixed.view(batch, rows, columns, 4, 4, 16).permute(0, 1, 3, 2, 4, 5)
                .reshape(batch, rows * 4, columns * 4, 16);
        }
    }

    // Routing by agreement, three times.
    private sealed class Capsules : Network
    {
        private readonly Conv2d _conv = Conv2d(3, 16, 9, stride: 2);
        private readonly Parameter _weights = Parameter(randn(32, 5, 8, 8) / 10);

        public override Tensor forward(Tensor input)
        {
            var capsules = Squash(_conv.call(input).reshape(input.shape[0], 32, 8));
            var votes = einsum("bni,nkij->bnkj", capsules, _weights);
            var agreement = zeros(votes.shape[0], 32, 5, 1);
            var output = votes;
            for (var round = 0; round < 3; round++)
            {
                output = Squash((F.softmax(agreement, 2) * votes).sum(1, keepdim: true));
                agreement = agreement + (votes * output).sum(-1, keepdim: true);
            }

            return output.squeeze(1).norm(2);
        }

        private static Tensor Squash(Tensor x)
        {
            var square = x.pow(2).sum(-1, keepdim: true);
            return square / (1 + square) * x / (square + 1e-8).sqrt();
        }
    }

    // Columns of an image, read one after the other.
    private sealed class Crnn : Network
    {
        private readonly Conv2d _conv = Conv2d(3, 8, 3, padding: 1);
        private readonly GRU _read = GRU(8, 6, batchFirst: true, bidirectional: true);
        private readonly Linear _letters = Linear(12, 11);

        public override Tensor forward(Tensor input)
        {
            var columns = _conv.call(input).relu().max(2).values.permute(0, 2, 1);
            var states = _read.call(columns).Item1;
            return _letters.call(states).log_softmax(-1);
        }
    }
}
