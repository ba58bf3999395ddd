using System.Reflection;
using Slipway.Tracing.Operations;

namespace Slipway.Tracing.Lowering;

/// <summary>Methods of TorchSharp that are traced as another method writes them out.</summary>
internal static class LoweredMethods
{
    private static readonly Dictionary<string, (Type Type, string Name)> Rows = new(StringComparer.Ordinal)
    {
        ["MultiheadAttention.forward"] = (typeof(Attention), nameof(Attention.MultiheadAttention)),
        ["TransformerEncoderLayer.call"] = (typeof(Transformers), nameof(Transformers.Encoder)),
        ["TransformerEncoderLayer.forward"] = (typeof(Transformers), nameof(Transformers.Encoder)),
        ["TransformerEncoder.forward"] = (typeof(Transformers), nameof(Transformers.Encoder)),
        ["TransformerDecoderLayer.forward"] = (typeof(Transformers), nameof(Transformers.Decoder)),
        ["TransformerDecoder.forward"] = (typeof(Transformers), nameof(Transformers.Decoder)),
        ["Transformer.call"] = (typeof(Transformers), nameof(Transformers.Transformer)),
        ["Transformer.forward"] = (typeof(Transformers), nameof(Transformers.Transformer)),
        ["functional.scaled_dot_product_attention"] =
            (typeof(FunctionalAttention), nameof(FunctionalAttention.ScaledDotProduct)),
        ["EmbeddingBag.forward"] = (typeof(Bags), nameof(Bags.Bag)),
        ["Tensor.cumprod"] = (typeof(Statistics), nameof(Statistics.CumulativeProduct)),
        ["Tensor.bucketize"] = (typeof(Statistics), nameof(Statistics.Bucketize)),
        ["torch.searchsorted"] = (typeof(Statistics), nameof(Statistics.SearchSorted)),
        ["Tensor.median"] = (typeof(Statistics), nameof(Statistics.Median)),
        ["Tensor.quantile"] = (typeof(Statistics), nameof(Statistics.Quantile)),
        ["Tensor.diff"] = (typeof(Statistics), nameof(Statistics.Difference)),
        ["Tensor.isin"] = (typeof(Statistics), nameof(Statistics.IsIn)),
        ["Tensor.logaddexp2"] = (typeof(Statistics), nameof(Statistics.LogAddExp2)),
        ["torch.hann_window"] = (typeof(Windows), nameof(Windows.Hann)),
        ["torch.hamming_window"] = (typeof(Windows), nameof(Windows.Hamming)),
        ["torch.blackman_window"] = (typeof(Windows), nameof(Windows.Blackman)),
        ["torch.bartlett_window"] = (typeof(Windows), nameof(Windows.Bartlett)),
        ["functional.l1_loss"] = (typeof(Losses), nameof(Losses.L1)),
        ["functional.mse_loss"] = (typeof(Losses), nameof(Losses.MeanSquare)),
        ["functional.smooth_l1_loss"] = (typeof(Losses), nameof(Losses.SmoothL1)),
        ["functional.huber_loss"] = (typeof(Losses), nameof(Losses.Huber)),
        ["functional.binary_cross_entropy"] = (typeof(Losses), nameof(Losses.BinaryCrossEntropy)),
        ["functional.binary_cross_entropy_with_logits"] =
            (typeof(Losses), nameof(Losses.BinaryCrossEntropyWithLogits)),
        ["functional.nll_loss"] = (typeof(Losses), nameof(Losses.NegativeLogLikelihood)),
        ["functional.cross_entropy"] = (typeof(Losses), nameof(Losses.CrossEntropy)),
        ["functional.kl_div"] = (typeof(Losses), nameof(Losses.Divergence)),
        ["functional.soft_margin_loss"] = (typeof(Losses), nameof(Losses.SoftMargin)),
        ["functional.hinge_embedding_loss"] = (typeof(Losses), nameof(Losses.HingeEmbedding)),
        ["functional.margin_ranking_loss"] = (typeof(Losses), nameof(Losses.MarginRanking)),
    };

    /// <summary>Finds the method that stands for another; null where none does.</summary>
    public static MethodInfo? Find(MethodBase method)
    {
        if (method.DeclaringType is null || !Interception.CallPolicy.IsTorch(method.DeclaringType.Assembly)
            || !Rows.TryGetValue(OperationTable.NameOf(method), out var row))
        {
            return null;
        }

        Type[] taken = [.. method.IsStatic ? Type.EmptyTypes : [method.DeclaringType],
            .. method.GetParameters().Select(parameter => parameter.ParameterType)];
        return Array.Find(row.Type.GetMethods(), candidate => candidate.Name == row.Name
            && candidate.GetParameters() is var parameters && parameters.Length == taken.Length
            && parameters.Zip(taken).All(pair => pair.First.ParameterType.IsAssignableFrom(pair.Second)));
    }
}
