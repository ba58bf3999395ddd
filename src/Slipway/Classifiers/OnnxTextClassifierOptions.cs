namespace Slipway;

/// <summary>Says which package a text classifier serves and what it may use.</summary>
public sealed class OnnxTextClassifierOptions : OnnxEncoderOptions
{
}
