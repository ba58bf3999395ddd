using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Slipway.Cli.Installation;

/// <summary>Brings libtorch when a verb first computes with TorchSharp.</summary>
/// <remarks>
/// The tool's package leaves it out, as it is ten times the rest. NuGet downloads it from its configured sources into
/// its own folder, where it stays.
/// </remarks>
internal static class Libtorch
{
    private const string Project = "Libtorch.proj";

    // One row a system that libtorch is published for: the package's ending, and the library to load with all it needs.
    private static readonly Dictionary<string, string> Libraries = new(StringComparer.Ordinal)
    {
        ["linux-x64"] = "libtorch.so", ["osx-arm64"] = "libtorch.dylib", ["win-arm64"] = "torch.dll",
        ["win-x64"] = "torch.dll",
    };

    /// <summary>The version that TorchSharp asks for.</summary>
    public static string Version { get; } = typeof(Libtorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "LibtorchVersion").Value!;

    /// <summary>The package for this system; null where there is none.</summary>
    public static string? Package
        => Libraries.ContainsKey(System) ? $"libtorch-cpu-{System}" : null;

    private static string System { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
        + $"-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>Tells where the library is: beside the tool, in NuGet's folder, or nowhere (null).</summary>
    public static string? Find()
        => Directory.EnumerateFiles(AppContext.BaseDirectory, LibraryName, SearchOption.AllDirectories).FirstOrDefault()
            ?? FindIn(Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"));

    /// <summary>Loads the library, after downloading it if it is nowhere.</summary>
    /// <exception cref="NotSupportedException">There is none for this system.</exception>
    /// <exception cref="IOException">NuGet does not bring it.</exception>
    public static async Task RequireAsync(VerbContext context, CancellationToken cancellationToken)
    {
        var package = Package ?? throw new NotSupportedException(
            $"PyTorch's native library is not published for '{System}', and this verb computes with it. Run it on "
            + $"one of {string.Join(", ", Libraries.Keys)}; the package that it makes runs here.");
        var library = Find();
        if (library is null)
        {
            await context.Error.WriteLineAsync(
                $"slipway: this verb computes with TorchSharp; NuGet now downloads '{package}' {Version}, once.")
                .ConfigureAwait(false);
            library = await RestoreAsync(package, cancellationToken).ConfigureAwait(false);
        }

        // TorchSharp asks for it by name alone, and gets the one that is loaded.
        NativeLibrary.Load(library);
    }

    private static string LibraryName => Libraries.GetValueOrDefault(System, "libtorch.so");

    private static string? FindIn(string packages)
    {
        // NuGet writes this file last.
        var folder = Path.Combine(packages, $"libtorch-cpu-{System}", Version);
        var library = Path.Combine(folder, "runtimes", System, "native", LibraryName);
        return File.Exists(Path.Combine(folder, ".nupkg.metadata")) && File.Exists(library) ? library : null;
    }

    private static async Task<string> RestoreAsync(string package, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("slipway-");
        try
        {
            var project = Path.Combine(folder.FullName, Project);
            var text = typeof(Libtorch).Assembly.GetManifestResourceStream(Project)!;
            await using (text.ConfigureAwait(false))
            {
                var file = File.Create(project);
                await using (file.ConfigureAwait(false))
                {
                    await text.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
                }
            }

            var said = await RunAsync(
                [
                    "restore", project, $"-p:LibtorchPackage={package}", $"-p:LibtorchVersion={Version}",
                    $"-p:RestoreRootConfigDirectory={Directory.GetCurrentDirectory()}", "-v", "quiet", "-nologo",
                ],
                cancellationToken).ConfigureAwait(false);
            var assets = Path.Combine(folder.FullName, "obj", "project.assets.json");
            return (said.Code != 0 || !File.Exists(assets) ? null : JsonNode.Parse(await File.ReadAllBytesAsync(
                assets, cancellationToken).ConfigureAwait(false))!["packageFolders"]!.AsObject()
                .Select(root => FindIn(root.Key)).FirstOrDefault(found => found is not null)) ?? throw new IOException(
                    $"NuGet did not bring '{package}' {Version}: {FirstError(said.Output)} Name a source that has "
                    + "it in a nuget.config, and see that 'dotnet' is the .NET SDK.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(
        string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            return (process.ExitCode, output + await error.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    // Of 'FILE : error NU1100: TEXT [PROJECT]' the text.
    private static string FirstError(string output)
    {
        var line = output.Split('\n').FirstOrDefault(line => line.Contains("error ", StringComparison.Ordinal))
            ?? output.Split('\n')[0];
        var start = line.IndexOf("error ", StringComparison.Ordinal);
        var text = (start < 0 ? line : line[(start + "error ".Length)..]).Trim();
        return text.LastIndexOf(" [", StringComparison.Ordinal) is > 0 and var end ? text[..end] : text;
    }
}
