using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Operations;

/// <summary>Operations that are written out while they are traced, on real numbers [batch, rows, 6].</summary>
internal static class WrittenOutCases
{
    private static readonly Tensor Boundaries = tensor(new[] { -1f, -0.25f, 0, 0.5f, 2 });

    public static readonly Dictionary<string, Func<Tensor, object>> All = new(StringComparer.Ordinal)
    {
        ["cumprod"] = x => x.cumprod(1),
        ["cumprod of the first axis"] = x => x.cumprod(0),
        ["cumprod of integers"] = x => (x * 2).@long().cumprod(-1),
        ["bucketize"] = x => bucketize(x, Boundaries),
        ["bucketize at boundaries"] = x => bucketize((x * 4).round() / 4, Boundaries, right: true),
        ["bucketize to int32"] = x => bucketize(x, Boundaries, outInt32: true),
        ["searchsorted"] = x => searchsorted(Boundaries, x),
        ["searchsorted of rows"] = x => searchsorted(x.sort(-1).Values, x.flip(2), right: true),
        ["searchsorted of a number"] = x => x + searchsorted(Boundaries, 0.1),
        ["median"] = x => x.median(),
        ["quantile"] = x => x.quantile(tensor(0.3f), 2),
        ["quantile of a varying axis"] = x => x.quantile(tensor(0.5f), 1, true),
        ["quantiles"] = x => x.quantile(tensor(new[] { 0f, 0.25f, 1 }), 1),
        ["quantiles kept"] = x => x.quantile(tensor(new[] { 0.1f, 0.9f }), 1, true),
        ["quantile of all"] = x => x.quantile(tensor(0.4f)),
        ["quantiles of all kept"] = x => x.quantile(tensor(new[] { 0.1f, 0.9f }), -1, true),
        ["diff"] = x => x.diff(1, -1),
        ["diff of more"] = x => x.diff(1, 1, prepend: x[.., ..1], append: x[.., ..1]),
        ["isin"] = x => (x * 2).round().isin(tensor(new[] { 0f, 1, 3 })),
        ["logaddexp2"] = x => x.logaddexp2(x.flip(2)),
        ["hann_window"] = x => x * hann_window(6),
        ["hann_window of a size"] = x => x * hann_window(x.shape[1] + 2)[..1],
        ["hamming_window"] = x => x * hamming_window(6, periodic: false),
        ["blackman_window"] = x => x * blackman_window(6),
        ["bartlett_window"] = x => x * bartlett_window(6),
        ["constant of no form"] = x => x * ones(6).lgamma(),
        ["constant with a size of data"] = x => x.index_select(
            2, tensor(new[] { 0f, 1, 0, 1 }).nonzero().squeeze(1)),
        ["l1_loss"] = x => F.l1_loss(x, x.flip(2)),
        ["mse_loss"] = x => F.mse_loss(x, x.flip(2)),
        ["mse_loss sum"] = x => F.mse_loss(x, x.flip(2), Reduction.Sum),
        ["smooth_l1_loss"] = x => F.smooth_l1_loss(x, x.flip(2)),
        ["huber_loss"] = x => F.huber_loss(x * 3, x.flip(2), 0.7),
        ["binary_cross_entropy"] = x => F.binary_cross_entropy(x.sigmoid(), x.flip(2).sigmoid()),
        ["binary_cross_entropy_with_logits"] = x => F.binary_cross_entropy_with_logits(x * 20, x.flip(2).sigmoid()),
        ["cross_entropy"] = x => F.cross_entropy(x.view(-1, 6), x.flip(2).argmax(-1).view(-1)),
        ["cross_entropy of pictures"] = x => F.cross_entropy(x.transpose(1, 2), x.flip(2).argmax(-1)),
        ["cross_entropy smoothed"] = x => F.cross_entropy(
            x.view(-1, 6), x.flip(2).argmax(-1).view(-1), label_smoothing: 0.1),
        ["cross_entropy weighted"] = x => F.cross_entropy(
            x.view(-1, 6), x.flip(2).argmax(-1).view(-1), arange(6).@float() + 1),
        ["cross_entropy ignoring"] = x => F.cross_entropy(
            x.view(-1, 6), x.flip(2).argmax(-1).view(-1), ignore_index: 2),
        ["cross_entropy of probabilities"] = x => F.cross_entropy(
            x.view(-1, 6), F.softmax(x.flip(2), -1).view(-1, 6)),
        ["cross_entropy unreduced"] = x => F.cross_entropy(
            x.view(-1, 6), x.flip(2).argmax(-1).view(-1), reduction: Reduction.None),
        ["nll_loss"] = x => F.nll_loss(F.log_softmax(x.view(-1, 6), -1), x.flip(2).argmax(-1).view(-1)),
        ["kl_div"] = x => F.kl_div(F.log_softmax(x, -1), F.softmax(x.flip(2), -1)),
        ["soft_margin_loss"] = x => F.soft_margin_loss(x, x.flip(2).sign()),
        ["hinge_embedding_loss"] = x => F.hinge_embedding_loss(x, x.flip(2).sign()),
        ["margin_ranking_loss"] = x => F.margin_ranking_loss(x, x.flip(1), x.flip(2).sign(), 0.3),
        ["logits and loss"] = x => (x * 2, F.cross_entropy(x.view(-1, 6), x.argmin(-1).view(-1))),
        ["grid_sample"] = x => F.grid_sample(
            Picture(x), Grid(x), GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, false),
        ["grid_sample nearest"] = x => F.grid_sample(
            Picture(x), Grid(x), GridSampleMode.Nearest, GridSamplePaddingMode.Border, true),
        ["fold"] = x => F.fold(
            x.transpose(1, 2)[.., .., ..1].expand(-1, -1, 4).repeat(1, 2, 1), (3, 3), (2, 2)),
        ["lp_pool1d"] = x => F.lp_pool1d(x.abs(), 2, 2),
        ["lp_pool2d"] = x => F.lp_pool2d(x.abs().unsqueeze(1).expand(-1, -1, -1, -1).repeat(1, 1, 2, 1), 3, 2),
        ["adaptive_max_pool1d"] = x => F.adaptive_max_pool1d(x, 3),
        ["adaptive_max_pool2d"] = x => F.adaptive_max_pool2d(x.unsqueeze(1), [1, 1]),
        ["conv1d"] = x => F.conv1d(x.transpose(1, 2), Weight(4, 6, 1)),
        ["conv1d padded"] = x => F.conv1d(x.transpose(1, 2), Weight(4, 3, 3), padding: 2, dilation: 2, groups: 2),
        ["conv3d"] = x => F.conv3d(x.view(x.shape[0], 1, x.shape[1], 2, 3), Weight(2, 1, 1, 2, 2)),
        ["bilinear"] = x => F.bilinear(x, x.flip(2), Weight(4, 6, 6), Weight(4)),
    };

    /// <summary>Bags of ids, whose mode is not to be read from the module.</summary>
    public static readonly Dictionary<string, Func<Module<Tensor, object>>> Bags = new(StringComparer.Ordinal)
    {
        ["sum"] = () => new Bag(EmbeddingBagMode.Sum, hasOffsets: false),
        ["mean"] = () => new Bag(EmbeddingBagMode.Mean, hasOffsets: false),
        ["max"] = () => new Bag(EmbeddingBagMode.Max, hasOffsets: false),
        ["sum of offsets"] = () => new Bag(EmbeddingBagMode.Sum, hasOffsets: true),
        ["mean of offsets"] = () => new Bag(EmbeddingBagMode.Mean, hasOffsets: true),
        ["max of offsets"] = () => new Bag(EmbeddingBagMode.Max, hasOffsets: true),
    };

    private static Tensor Weight(params long[] shape)
        => (arange(shape.Aggregate(1L, (total, size) => total * size)).@float() * 0.7).sin().reshape(shape);

    private static Tensor Picture(Tensor x) => x.unsqueeze(1);

    private static Tensor Grid(Tensor x) => stack([x.tanh(), x.flip(2).sin()], -1);

    private sealed class Bag : Module<Tensor, object>
    {
        private readonly EmbeddingBag _bag;
        private readonly bool _hasOffsets;

        public Bag(EmbeddingBagMode mode, bool hasOffsets)
            : base(nameof(Bag))
        {
            _hasOffsets = hasOffsets;
            _bag = EmbeddingBag(9, 4, mode: mode);
            RegisterComponents();
        }

        // Bags of three ids, and a last one of the rest.
        public override object forward(Tensor ids)
            => _hasOffsets
                ? _bag.call(ids.reshape(-1), arange(ids.shape[0]) * 3) : _bag.call(ids[.., 0]);
    }
}
