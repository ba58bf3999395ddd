using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;

namespace Slipway.CodeRunner;

/// <summary>Runs a C# script by Roslyn.</summary>
internal static class ScriptProgram
{
    private const int Failed = 1;

    private static readonly string[] Imports =
    [
        "System", "System.Collections.Generic", "System.Globalization", "System.Linq", "System.Numerics", "System.Text",
        "System.Text.RegularExpressions", "System.Threading", "System.Threading.Tasks",
    ];

    /// <summary>Runs a script; an exception that it leaves goes to standard error, its message last.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string file)
    {
        try
        {
            var options = ScriptOptions.Default
                .WithImports(Imports)
                .WithReferences(
                    typeof(object).Assembly, typeof(Enumerable).Assembly, typeof(System.Numerics.BigInteger).Assembly,
                    typeof(System.Text.RegularExpressions.Regex).Assembly, typeof(HashSet<>).Assembly,
                    typeof(Console).Assembly, typeof(System.Net.Sockets.Socket).Assembly,
                    typeof(System.Diagnostics.Process).Assembly);
            await CSharpScript.RunAsync(await File.ReadAllTextAsync(file).ConfigureAwait(false), options)
                .ConfigureAwait(false);
            return 0;
        }
        catch (CompilationErrorException exception)
        {
            await Console.Error.WriteLineAsync(string.Join('\n', exception.Diagnostics)).ConfigureAwait(false);
            return Failed;
        }
#pragma warning disable CA1031 // The script may throw anything.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            await Console.Error.WriteLineAsync(
                $"{exception.StackTrace}\n{exception.GetType()}: {exception.Message}").ConfigureAwait(false);
            return Failed;
        }
    }
}
