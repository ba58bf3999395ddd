using System.Text;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Writes a module's parameters as TorchSharp's own <c>save</c> does, in a number type of choice.</summary>
public static class TorchSharpWriter
{
    /// <summary>Writes a <c>.dat</c> file.</summary>
    /// <remarks>Writes beside the target and renames at the end; a failure leaves the old file as it was.</remarks>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="module">Whose parameters are written; buffers are not.</param>
    /// <param name="type">float32, float16 or bfloat16.</param>
    public static void Write(string path, nn.Module module, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (type is not (ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
        {
            throw new ArgumentException(
                $"Weights cannot be saved as '{type}'; expected Float32, Float16 or BFloat16.", nameof(type));
        }

        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                WriteTo(file, [.. module.named_parameters().Select(one => (one.name, (Tensor)one.parameter))], type);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    // Count; then name, type, dimensions and elements of each: numbers in LEB128, elements little-endian.
    private static void WriteTo(FileStream file, List<(string Name, Tensor Value)> tensors, ScalarType type)
    {
        WriteNumber(file, tensors.Count);
        foreach (var (name, value) in tensors)
        {
            using var scope = NewDisposeScope();
            var text = Encoding.UTF8.GetBytes(name);
            WriteNumber(file, text.Length);
            file.Write(text);
            WriteNumber(file, (long)type);
            WriteNumber(file, value.dim());
            foreach (var size in value.shape)
            {
                WriteNumber(file, size);
            }

            file.Write(value.detach().to(CPU).to(type).contiguous().bytes);
        }
    }

    private static void WriteNumber(FileStream file, long number)
    {
        var rest = (ulong)number;
        for (; rest >= 0x80; rest >>= 7)
        {
            file.WriteByte((byte)(rest | 0x80));
        }

        file.WriteByte((byte)rest);
    }
}
