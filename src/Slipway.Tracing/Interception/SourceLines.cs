using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Slipway.Tracing.Interception;

/// <summary>Finds lines of source code by the symbols that lie beside an assembly or in it.</summary>
internal static class SourceLines
{
    /// <summary>Finds the line of an instruction; null without symbols.</summary>
    public static (string File, int Line)? Find(MethodBase method, int offset)
    {
        var assembly = method.Module.Assembly;
        if (assembly.IsDynamic || assembly.Location.Length == 0)
        {
            return null;
        }

        try
        {
            using var image = System.IO.File.OpenRead(assembly.Location);
            using PEReader reader = new(image);
            if (!reader.TryOpenAssociatedPortablePdb(
                assembly.Location, path => System.IO.File.Exists(path) ? System.IO.File.OpenRead(path) : null,
                out var provider, out _) || provider is null)
            {
                return null;
            }

            using (provider)
            {
                return Find(provider.GetMetadataReader(), method, offset);
            }
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException
            or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static (string File, int Line)? Find(MetadataReader symbols, MethodBase method, int offset)
    {
        var handle = MetadataTokens.MethodDefinitionHandle(method.MetadataToken & 0xFFFFFF);
        (string, int)? found = null;
        foreach (var point in symbols.GetMethodDebugInformation(handle.ToDebugInformationHandle()).GetSequencePoints())
        {
            if (point.Offset > offset)
            {
                break;
            }

            if (!point.IsHidden)
            {
                found = (symbols.GetString(symbols.GetDocument(point.Document).Name), point.StartLine);
            }
        }

        return found;
    }
}
