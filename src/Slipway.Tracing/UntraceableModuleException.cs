using Slipway.Tracing.Interception;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing;

/// <summary>Says that a module does what no graph can express, where, and what to do instead.</summary>
public sealed class UntraceableModuleException : NotSupportedException
{
    private UntraceableModuleException(string message, string modulePath, string? method, string? file, int? line)
        : base(message) => (ModulePath, Method, File, Line) = (modulePath, method, file, line);

    /// <summary>The path of the module by attribute names; empty for the module itself.</summary>
    public string ModulePath { get; }

    /// <summary>The method in whose code the reason stands; null where it is not known.</summary>
    public string? Method { get; }

    /// <summary>The source file, where the assembly's symbols lie beside it.</summary>
    public string? File { get; }

    /// <summary>The line in the source file.</summary>
    public int? Line { get; }

    internal static UntraceableModuleException At(TracePlace place, string reason)
    {
        var module = place.ModulePath.Length > 0 ? $"module '{place.ModulePath}'" : "the module";
        if (place.Site is not { } site)
        {
            return new($"In {module}: {reason}", place.ModulePath, null, null, null);
        }

        var method = $"{site.Caller.DeclaringType?.Name}.{site.Caller.Name}";
        var source = SourceLines.Find(site.Caller, site.Offset);
        var line = source is { } found ? $", line {found.Line} of '{Path.GetFileName(found.File)}'" : "";
        return new(
            $"In {module}, method '{method}'{line}: {reason}", place.ModulePath, method, source?.File, source?.Line);
    }
}
