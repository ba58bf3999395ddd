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
    };

    /// <summary>Finds the method that stands for another; null where none does.</summary>
    public static MethodInfo? Find(MethodBase method)
    {
        if (method.DeclaringType is null || !Interception.CallPolicy.IsTorch(method.DeclaringType.Assembly)
            || !Rows.TryGetValue(OperationTable.NameOf(method), out var row))
        {
            return null;
        }

        var count = method.GetParameters().Length + (method.IsStatic ? 0 : 1);
        return row.Type.GetMethods().First(
            candidate => candidate.Name == row.Name && candidate.GetParameters().Length == count);
    }
}
