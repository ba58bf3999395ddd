using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, the losses that a <c>forward</c> returns beside its outputs.</summary>
internal static class Losses
{
    private const float LogFloor = -100;

    /// <summary>Stands for <c>l1_loss</c>.</summary>
    public static Tensor L1(Tensor input, Tensor target, Reduction reduction)
        => Reduce((input - target).abs(), reduction);

    /// <summary>Stands for <c>mse_loss</c>.</summary>
    public static Tensor MeanSquare(Tensor input, Tensor target, Reduction reduction)
        => Reduce((input - target).square(), reduction);

    /// <summary>Stands for <c>smooth_l1_loss</c>.</summary>
    public static Tensor SmoothL1(Tensor input, Tensor target, Reduction reduction, double beta)
    {
        var size = (input - target).abs();
        return Reduce(
            beta <= 0 ? size : where(size.lt(beta), size.square() * (0.5 / beta), size - (0.5 * beta)), reduction);
    }

    /// <summary>Stands for <c>huber_loss</c>.</summary>
    public static Tensor Huber(Tensor input, Tensor target, double delta, Reduction reduction)
    {
        var size = (input - target).abs();
        return Reduce(where(size.le(delta), size.square() * 0.5, (size - (0.5 * delta)) * delta), reduction);
    }

    /// <summary>Stands for <c>binary_cross_entropy</c>, whose logarithms end at −100.</summary>
    public static Tensor BinaryCrossEntropy(Tensor input, Tensor target, Tensor? weight, Reduction reduction)
        => Reduce(
            Weighted(
                -((target * input.log().clamp(min: LogFloor))
                    + ((1 - target) * (1 - input).log().clamp(min: LogFloor))), weight), reduction);

    /// <summary>Stands for <c>binary_cross_entropy_with_logits</c>.</summary>
    public static Tensor BinaryCrossEntropyWithLogits(
        Tensor input, Tensor target, Tensor? weight, Reduction reduction, Tensor? positive)
    {
        // softplus(−x) without overflow
        var soft = (-input).clamp(min: 0) + (-input.abs()).exp().log1p();
        var loss = positive is null
            ? ((1 - target) * input) + soft
            : ((1 - target) * input) + ((((positive - 1) * target) + 1) * soft);
        return Reduce(Weighted(loss, weight), reduction);
    }

    /// <summary>Stands for <c>nll_loss</c>.</summary>
    public static Tensor NegativeLogLikelihood(Tensor input, Tensor target, Tensor? weight, Reduction reduction)
        => OfClasses(input, target, weight, -100, reduction, 0);

    /// <summary>Stands for <c>cross_entropy</c> of classes or of probabilities.</summary>
    public static Tensor CrossEntropy(
        Tensor input, Tensor target, Tensor? weight, long ignored, Reduction reduction, double smoothing)
    {
        var axis = input.ndim == 1 ? 0 : 1;
        var logarithms = log_softmax(input, axis);
        if (target.is_integral())
        {
            return OfClasses(logarithms, target, weight, ignored, reduction, smoothing);
        }

        var classes = input.shape[axis];
        target = smoothing > 0 ? (target * (1 - smoothing)) + (smoothing / classes) : target;
        var loss = -(logarithms * target);
        loss = (weight is null ? loss : loss * Along(weight, loss, axis)).sum([(long)axis]);
        return reduction == Reduction.Mean && input.ndim > 1
            ? loss.sum() / (input.numel() / classes) : Reduce(loss, reduction);
    }

    /// <summary>Stands for <c>kl_div</c>.</summary>
    public static Tensor Divergence(Tensor input, Tensor target, bool isLogarithm, Reduction reduction)
        => Reduce(isLogarithm ? target.exp() * (target - input) : target.xlogy(target) - (target * input), reduction);

    /// <summary>Stands for <c>soft_margin_loss</c>.</summary>
    public static Tensor SoftMargin(Tensor input, Tensor target, Reduction reduction)
        => Reduce((-target * input).exp().log1p(), reduction);

    /// <summary>Stands for <c>hinge_embedding_loss</c>.</summary>
    public static Tensor HingeEmbedding(Tensor input, Tensor target, double margin, Reduction reduction)
        => Reduce(
            where(target.eq(1), input, zeros_like(input))
                + where(target.eq(-1), (margin - input).clamp(min: 0), zeros_like(input)), reduction);

    /// <summary>Stands for <c>margin_ranking_loss</c>.</summary>
    public static Tensor MarginRanking(
        Tensor first, Tensor second, Tensor target, double margin, Reduction reduction)
        => Reduce(((-target * (first - second)) + margin).clamp(min: 0), reduction);

    // [n, c, …] and classes [n, …]; those that are ignored count neither above nor below.
    private static Tensor OfClasses(
        Tensor logarithms, Tensor target, Tensor? weight, long ignored, Reduction reduction, double smoothing)
    {
        var axis = logarithms.ndim == 1 ? 0 : 1;
        var classes = logarithms.shape[axis];
        var counts = target.ne(ignored);
        var chosen = where(counts, target, zeros_like(target)).to(ScalarType.Int64);
        var loss = -logarithms.gather(axis, chosen.unsqueeze(axis)).squeeze(axis);
        var share = counts.to(logarithms.dtype);
        if (weight is not null)
        {
            share = share * weight.index_select(0, chosen.reshape(-1)).reshape(chosen.shape);
        }

        loss = loss * share;
        if (smoothing > 0)
        {
            var all = weight is null ? -logarithms : -logarithms * Along(weight, logarithms, axis);
            var smooth = all.sum([(long)axis]) * counts.to(logarithms.dtype);
            loss = (loss * (1 - smoothing)) + (smooth * (smoothing / classes));
        }

        return reduction == Reduction.Mean ? loss.sum() / share.sum() : Reduce(loss, reduction);
    }

    private static Tensor Along(Tensor weight, Tensor x, int axis)
    {
        var shape = Enumerable.Repeat(1L, (int)x.ndim).ToArray();
        shape[axis] = -1;
        return weight.view(shape);
    }

    private static Tensor Weighted(Tensor loss, Tensor? weight) => weight is null ? loss : loss * weight;

    private static Tensor Reduce(Tensor loss, Reduction reduction) => reduction switch
    {
        Reduction.Mean => loss.mean(),
        Reduction.Sum => loss.sum(),
        _ => loss,
    };
}
