using System.Diagnostics;

namespace Slipway.Testing;

/// <summary>Runs the program that loads packages in a process of its own, where a package may end it.</summary>
public static class ChildProcess
{
    private const string Name = "Slipway.Testing.Child";

    /// <summary>The folder of the program.</summary>
    public static string Folder { get; } = System.IO.Path.Combine(
        SharedAssets.Repository, "artifacts", "bin", Name,
        System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)));

    /// <summary>
    /// Loads packages one after the other; after one that ends the process a new one goes on with the rest.
    /// </summary>
    /// <param name="packages">The package folders.</param>
    /// <param name="environment">Variables of the process.</param>
    /// <param name="program">The folder of the program, or of a copy of it; null for its own.</param>
    /// <returns>The outcome of each: "answered", "refused" or "died", and more.</returns>
    public static async Task<IReadOnlyList<string>> LoadAsync(
        IReadOnlyList<string> packages, IReadOnlyDictionary<string, string>? environment = null, string? program = null)
    {
        var outcomes = new List<string>();
        while (outcomes.Count < packages.Count)
        {
            outcomes.AddRange(await RunAsync(packages.Skip(outcomes.Count), environment, program ?? Folder));
        }

        return outcomes;
    }

    private static async Task<List<string>> RunAsync(
        IEnumerable<string> packages, IReadOnlyDictionary<string, string>? environment, string program)
    {
        var start = new ProcessStartInfo("dotnet", [System.IO.Path.Combine(program, $"{Name}.dll")])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var writing = WriteAsync(process, packages);
        var outcomes = new List<string>();
        var begun = false;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            begun = line.StartsWith("begin ", StringComparison.Ordinal);
            if (!begun)
            {
                outcomes.Add(line);
            }
        }

        await process.WaitForExitAsync();
        await writing;
        if (begun || process.ExitCode != 0)
        {
            outcomes.Add($"died {process.ExitCode}: {await errors}");
        }

        return outcomes;
    }

    // A process that is gone reads no more.
    private static async Task WriteAsync(Process process, IEnumerable<string> packages)
    {
        try
        {
            foreach (var package in packages)
            {
                await process.StandardInput.WriteLineAsync(package);
            }

            process.StandardInput.Close();
        }
        catch (IOException) when (process.WaitForExit(TimeSpan.FromMinutes(1)))
        {
        }
    }
}
