namespace Slipway.Onnx.Serialization;

/// <summary>The numbers of AttributeProto.AttributeType.</summary>
internal static class AttributeKind
{
    public const int Float = 1;
    public const int Int = 2;
    public const int Text = 3;
    public const int Floats = 6;
    public const int Ints = 7;
    public const int Texts = 8;
}
