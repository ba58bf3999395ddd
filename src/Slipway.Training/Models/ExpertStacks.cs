using System.Globalization;
using System.Text.RegularExpressions;
using Slipway.Checkpoints;

namespace Slipway.Training.Models;

/// <summary>Finds the weights of single experts in checkpoints that hold those of all in one tensor.</summary>
/// <remarks>
/// <c>mlp.experts.gate_up_proj</c> is [experts, 2 · intermediate_size, hidden_size], gates first, and
/// <c>mlp.experts.down_proj</c> [experts, hidden_size, intermediate_size]; the router is <c>mlp.gate</c> or
/// <c>mlp.router</c>, whatever the block was called before.
/// </remarks>
internal static partial class ExpertStacks
{
    /// <summary>Finds a weight; null where no stack holds it.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="name">The weight's own name, such as <c>model.layers.0.mlp.experts.3.up_proj.weight</c>.</param>
    /// <param name="shape">[outputs, inputs]</param>
    /// <returns>The tensor that holds it and its first element there.</returns>
    public static (TensorInfo Tensor, long Start)? Find(Checkpoint checkpoint, string name, long[] shape)
    {
        if (RouterName().Match(name) is { Success: true } router)
        {
            var block = $"{router.Groups[1].Value}mlp.";
            var found = checkpoint.FindTensor($"{block}gate.weight") ?? checkpoint.FindTensor($"{block}router.weight");
            return found is not null && found.Shape.SequenceEqual(shape) ? (found, 0) : null;
        }

        if (ExpertName().Match(name) is not { Success: true } expert)
        {
            return null;
        }

        var (part, number) = (expert.Groups[3].Value, long.Parse(expert.Groups[2].Value, CultureInfo.InvariantCulture));
        var isDown = part is "down_proj" or "w2";
        var rows = isDown ? shape[0] : 2 * shape[0];
        var tensor = checkpoint.FindTensor(
            $"{expert.Groups[1].Value}mlp.experts.{(isDown ? "down_proj" : "gate_up_proj")}");
        return tensor is { Shape: [var experts, var height, var width] } && number < experts && height == rows
            && width == shape[1]
            ? (tensor, (number * rows * width) + (part is "up_proj" or "w3" ? shape[0] * width : 0)) : null;
    }

    [GeneratedRegex(
        @"^(|.*\.)(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(gate_proj|up_proj|down_proj|w1|w2|w3)\.weight$")]
    private static partial Regex ExpertName();

    [GeneratedRegex(@"^(|.*\.)(?:mlp|block_sparse_moe)\.gate\.weight$")]
    private static partial Regex RouterName();
}
