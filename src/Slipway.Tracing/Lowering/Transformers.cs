using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, the transformer layers that torch computes natively.</summary>
internal static class Transformers
{
    /// <summary>Stands for <c>TransformerEncoderLayer</c> and <c>TransformerEncoder</c>.</summary>
    public static Tensor Encoder(object self, Tensor source, Tensor? mask, Tensor? paddingMask)
    {
        var layer = NativeLayer.Of(self);
        return layer.Count("") == 0
            ? EncoderLayer(layer, "", source, mask, paddingMask) : Encode(layer, "", source, mask, paddingMask);
    }

    /// <summary>Stands for <c>TransformerEncoderLayer</c> without masks.</summary>
    public static Tensor Encoder(object self, Tensor source) => Encoder(self, source, null, null);

    /// <summary>Stands for <c>TransformerEncoderLayer</c> with a mask.</summary>
    public static Tensor Encoder(object self, Tensor source, Tensor? mask) => Encoder(self, source, mask, null);

    /// <summary>Stands for <c>TransformerDecoderLayer</c> and <c>TransformerDecoder</c>.</summary>
    public static Tensor Decoder(
        object self, Tensor target, Tensor memory, Tensor? targetMask, Tensor? memoryMask, Tensor? targetPadding,
        Tensor? memoryPadding)
    {
        var layer = NativeLayer.Of(self);
        return layer.Count("") == 0
            ? DecoderLayer(layer, "", target, memory, targetMask, memoryMask, targetPadding, memoryPadding)
            : Decode(layer, "", target, memory, targetMask, memoryMask, targetPadding, memoryPadding);
    }

    /// <summary>Stands for <c>Transformer</c>.</summary>
    public static Tensor Transformer(
        object self, Tensor source, Tensor target, Tensor? sourceMask, Tensor? targetMask, Tensor? memoryMask,
        Tensor? sourcePadding, Tensor? targetPadding, Tensor? memoryPadding)
    {
        var layer = NativeLayer.Of(self);
        var memory = Encode(layer, "encoder.", source, sourceMask, sourcePadding);
        return Decode(layer, "decoder.", target, memory, targetMask, memoryMask, targetPadding, memoryPadding);
    }

    /// <summary>Stands for <c>Transformer</c> without masks.</summary>
    public static Tensor Transformer(object self, Tensor source, Tensor target)
        => Transformer(self, source, target, null, null, null, null, null, null);

    private static Tensor Encode(NativeLayer layer, string prefix, Tensor x, Tensor? mask, Tensor? paddingMask)
    {
        for (var index = 0; index < layer.Count(prefix); index++)
        {
            x = EncoderLayer(layer, $"{prefix}layers.{index}.", x, mask, paddingMask);
        }

        return layer.Find($"{prefix}norm.weight") is null ? x : Norm(layer, $"{prefix}norm", x);
    }

    private static Tensor Decode(
        NativeLayer layer, string prefix, Tensor x, Tensor memory, Tensor? mask, Tensor? memoryMask, Tensor? padding,
        Tensor? memoryPadding)
    {
        for (var index = 0; index < layer.Count(prefix); index++)
        {
            x = DecoderLayer(
                layer, $"{prefix}layers.{index}.", x, memory, mask, memoryMask, padding, memoryPadding);
        }

        return layer.Find($"{prefix}norm.weight") is null ? x : Norm(layer, $"{prefix}norm", x);
    }

    private static Tensor EncoderLayer(NativeLayer layer, string prefix, Tensor x, Tensor? mask, Tensor? paddingMask)
    {
        x = Norm(layer, $"{prefix}norm1", x + Attention.Attend(
            layer, $"{prefix}self_attn.", x, x, x, mask, paddingMask).Output);
        return Norm(layer, $"{prefix}norm2", x + FeedForward(layer, prefix, x));
    }

    private static Tensor DecoderLayer(
        NativeLayer layer, string prefix, Tensor x, Tensor memory, Tensor? mask, Tensor? memoryMask, Tensor? padding,
        Tensor? memoryPadding)
    {
        x = Norm(layer, $"{prefix}norm1", x + Attention.Attend(
            layer, $"{prefix}self_attn.", x, x, x, mask, padding).Output);
        x = Norm(layer, $"{prefix}norm2", x + Attention.Attend(
            layer, $"{prefix}multihead_attn.", x, memory, memory, memoryMask, memoryPadding).Output);
        return Norm(layer, $"{prefix}norm3", x + FeedForward(layer, prefix, x));
    }

    private static Tensor FeedForward(NativeLayer layer, string prefix, Tensor x)
    {
        var inner = functional.linear(x, layer[$"{prefix}linear1.weight"], layer[$"{prefix}linear1.bias"]);
        return functional.linear(
            layer.UsesGelu ? inner.gelu() : inner.relu(), layer[$"{prefix}linear2.weight"],
            layer[$"{prefix}linear2.bias"]);
    }

    private static Tensor Norm(NativeLayer layer, string name, Tensor x)
        => functional.layer_norm(x, [x.shape[^1]], layer[$"{name}.weight"], layer[$"{name}.bias"]);
}
