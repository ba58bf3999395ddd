using Google.Protobuf;

namespace Slipway.Onnx.Serialization;

/// <summary>Reads and writes <c>.onnx</c> files.</summary>
public static class OnnxFile
{
    private const long MaxFile = int.MaxValue;

    /// <summary>Writes a model's graph file; external constants must stand in their files already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file; it must not exist.</param>
    /// <exception cref="IOException">It exists, or cannot be written.</exception>
    public static void Write(OnnxModel model, string path)
    {
        using FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write);
        Write(model, stream);
    }

    /// <summary>Writes a model's graph file; external constants must stand in their files already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="stream">Where the file's content goes; it stays the caller's.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(OnnxModel model, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(model);
        ProtobufWriter.Convert(model).WriteTo(stream);
    }

    /// <summary>Reads a model's graph file; external constants are described, not read.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="OnnxException">The file is no ONNX model, or contradicts itself.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OnnxModel Read(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read);
        if (stream.Length > MaxFile)
        {
            throw new OnnxException(
                path, $"'{path}' has {stream.Length} bytes; an ONNX file has at most {MaxFile}. "
                + "Store the weights as external data.");
        }

        try
        {
            return ProtobufReader.Convert(Protobuf.ModelProto.Parser.ParseFrom(stream), path);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new OnnxException(
                path, $"'{path}' is not an ONNX file, or it is cut off: {exception.Message} Fetch or export it again.",
                exception);
        }
    }
}
