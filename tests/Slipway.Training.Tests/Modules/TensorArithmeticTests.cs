using System.Reflection;
using System.Reflection.Emit;
using TorchSharp;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Holds that no number is freed before libtorch has read it.</summary>
public sealed class TensorArithmeticTests
{
    private const BindingFlags Everything = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic
        | BindingFlags.Static | BindingFlags.Instance;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    // TorchSharp's own methods are searched, so that another version's are too.
    [Fact]
    public void Library_CallsNothing_ThatDropsANumberWhileItIsRead()
    {
        var dropping = Dropping();
        Assert.Contains(dropping, method => method is { Name: "op_Multiply" });
        Assert.Contains(dropping, method => method is { Name: "op_Addition" });
        Assert.DoesNotContain(dropping, method => method is { Name: "matmul" });

        var found = Methods(typeof(TensorArithmetic).Assembly)
            .SelectMany(method => Calls(method).Where(called => dropping.Contains(called)
                || (MakesNumber(called) && !IsArithmetic(method.DeclaringType!)))
                .Select(called => $"{method.DeclaringType}.{method.Name} calls {called}"));
        Assert.Empty(found);
    }

    // Another thread collects all the while, and writes other numbers to where freed ones were.
    [Fact(Explicit = true)]
    public async Task Numbers_UnderCollections_AreReadAsTheyWere()
    {
        using var stop = new CancellationTokenSource();
        var threads = new Action[] { () => GC.Collect(0), () => 77.0.ToScalar().Dispose() }
            .Select(action => Task.Run(() =>
            {
                while (!stop.IsCancellationRequested)
                {
                    action();
                }
            })).ToArray();
        var x = ones(16);
        for (var operation = 0; operation < 1_000_000; operation++)
        {
            using var scope = NewDisposeScope();
            Assert.Equal(80, x.Times(2).Plus(x, 3).sum().item<float>());
        }

        await stop.CancelAsync();
        await Task.WhenAll(threads);
    }

    // Every method of TorchSharp that makes a number itself, and every one that calls such a method.
    private static HashSet<MethodBase> Dropping()
    {
        var callers = Methods(typeof(torch).Assembly).Where(method => !MakesNumber(method))
            .SelectMany(method => Calls(method).Select(called => (Caller: method, Called: called)))
            .ToLookup(call => call.Called, call => call.Caller);
        var found = callers.Where(group => MakesNumber(group.Key)).SelectMany(group => group).ToHashSet();
        var open = new Stack<MethodBase>(found);
        while (open.TryPop(out var method))
        {
            foreach (var caller in callers[method].Where(found.Add))
            {
                open.Push(caller);
            }
        }

        return found;
    }

    private static bool MakesNumber(MethodBase method) =>
        method is MethodInfo { ReturnType: var type } && type == typeof(Scalar);

    private static bool IsArithmetic(Type type) => type == typeof(TensorArithmetic);

    private static IEnumerable<MethodBase> Methods(Assembly assembly) => assembly.GetTypes()
        .SelectMany(type => type.GetMembers(Everything)).OfType<MethodBase>();

    private static IEnumerable<MethodBase> Calls(MethodBase method)
    {
        var code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? unchecked((short)(0xFE00 | code[at + 1])) : code[at];
            var operation = OpCodesByValue[value];
            at += operation.Size;
            if (operation.OperandType is OperandType.InlineMethod or OperandType.InlineTok
                && Resolve(method, BitConverter.ToInt32(code, at)) is { } called)
            {
                yield return called;
            }

            at += operation.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
                _ => 4,
            };
        }
    }

    private static MethodBase? Resolve(MethodBase method, int token)
    {
        var types = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        return method.Module.ResolveMember(
            token, types, method is MethodInfo { IsGenericMethod: true } ? method.GetGenericArguments() : null)
            as MethodBase;
    }
}
