using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Training.Models;

/// <summary>Writes files that are replaced whole or not at all.</summary>
internal static class AtomicFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(string path, JsonObject json) =>
        Write(path, Encoding.UTF8.GetBytes(json.ToJsonString(Indented) + "\n"));

    public static void Write(string path, byte[] bytes)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
