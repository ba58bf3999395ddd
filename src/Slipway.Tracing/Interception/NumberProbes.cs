using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Interception;

/// <summary>A place in a method that computes or compares two numbers.</summary>
/// <param name="Method">The method.</param>
/// <param name="Offset">The instruction's first byte.</param>
/// <param name="Operation">The operation.</param>
/// <param name="IsReal">Tells whether the numbers are real ones rather than integers.</param>
internal sealed record NumberSite(MethodBase Method, int Offset, NumberOperation Operation, bool IsReal)
{
    /// <summary>The number among those of one instruction.</summary>
    public int Part { get; init; }

    /// <summary>The function of the framework that it calls; null for an instruction.</summary>
    public MethodBase? Function { get; init; }

    /// <summary>Tells whether torch compares: a bound of a part with the end of a tensor.</summary>
    public bool IsBound { get; init; }
}

/// <summary>Inserts calls that record the numbers which a module's own code computes with and compares.</summary>
/// <remarks>
/// <code>
/// bgt target   →   stloc b; stloc a; ldloc a; ldloc b; ldc site; call Numbers; ldloc a; ldloc b; bgt target
/// </code>
/// Branches take their long form, since what stands between grows.
/// </remarks>
internal sealed class NumberProbes(MethodBase method, MethodBody body, byte[] original, GenericScope scope)
{
    /// <summary>The types of the variables that are added to a method's own: two of each kind.</summary>
    public static readonly Type[] Locals =
    [
        typeof(int), typeof(int), typeof(long), typeof(long), typeof(float), typeof(float), typeof(double),
        typeof(double),
    ];

    private const int ShortToLong = 0x0D;
    private readonly Dictionary<int, int> _moved = [];
    private readonly List<byte> _code = [];

    /// <summary>Depth of the stack that the calls add.</summary>
    public const int Stack = 3;

    /// <summary>The place of an instruction, or of the method's end, in the code with the calls.</summary>
    public int Moved(int offset) => _moved[offset];

    /// <summary>Inserts the calls.</summary>
    /// <param name="code">The code with the tokens of the copy, as long as the original.</param>
    /// <param name="info">Gives tokens.</param>
    public byte[] Insert(byte[] code, DynamicILInfo info)
    {
        StackKinds kinds = new(method, body, original, scope);
        List<(int At, int Next, int Target)> branches = [];
        Instruction[] instructions = [.. IntermediateCode.Read(original)];
        for (var index = 0; index < instructions.Length; index++)
        {
            var instruction = instructions[index];
            var end = index + 1 < instructions.Length ? instructions[index + 1].Offset : original.Length;
            _moved[instruction.Offset] = _code.Count;
            var (below, top) = kinds.Next(instruction);
            Probe(instruction, below, top, info);
            Copy(instruction, code, end, branches);
        }

        _moved[original.Length] = _code.Count;
        var moved = _code.ToArray();
        foreach (var (at, next, target) in branches)
        {
            BinaryPrimitives.WriteInt32LittleEndian(moved.AsSpan(at), _moved[target] - next);
        }

        return moved;
    }

    private void Copy(Instruction instruction, byte[] code, int end, List<(int At, int Next, int Target)> branches)
    {
        var targets = IntermediateCode.Targets(instruction, original).ToArray();
        if (targets.Length == 0 && instruction.Code != OpCodes.Switch)
        {
            _code.AddRange(code[instruction.Offset..end]);
            return;
        }

        var value = code[instruction.Offset];
        if (instruction.Code.OperandType == OperandType.ShortInlineBrTarget)
        {
            value = instruction.Code == OpCodes.Leave_S ? (byte)OpCodes.Leave.Value : (byte)(value + ShortToLong);
        }

        _code.Add(value);
        if (instruction.Code == OpCodes.Switch)
        {
            AddInt32(targets.Length);
        }

        var next = _code.Count + (targets.Length * sizeof(int));
        foreach (var target in targets)
        {
            branches.Add((_code.Count, next, target));
            AddInt32(0);
        }
    }

    private void Probe(Instruction instruction, StackKind below, StackKind top, DynamicILInfo info)
    {
        if (NumberOperations.Of(instruction.Code) is not { } operation)
        {
            return;
        }

        if (operation == NumberOperation.Call)
        {
            Element(instruction, top, info);
            return;
        }

        if (top == StackKind.Other)
        {
            return;
        }

        var isReal = top is StackKind.Single or StackKind.Double;
        var bits = isReal ? 0 : Bits(instruction.Code);
        operation = bits != 0 ? NumberOperation.Narrow
            : operation == NumberOperation.Compare && !isReal && IsUnsigned(instruction.Code)
                ? NumberOperation.CompareUnsigned : operation;
        if (operation is NumberOperation.Switch or NumberOperation.Test or NumberOperation.Truncate
            or NumberOperation.Narrow)
        {
            if (isReal != (operation == NumberOperation.Truncate))
            {
                return;
            }

            // The only operand stays where it is.
            _code.Add((byte)OpCodes.Dup.Value);
            Widen(top);
            if (isReal)
            {
                AddReal(1);
            }
            else
            {
                AddInt64(operation == NumberOperation.Switch
                    ? BitConverter.ToInt32(original, instruction.Operand) : bits);
            }
        }
        else if (below == StackKind.Other || isReal != (below is StackKind.Single or StackKind.Double))
        {
            return;
        }
        else
        {
            Variable(OpCodes.Stloc, top, 1);
            Variable(OpCodes.Stloc, below, 0);
            Variable(OpCodes.Ldloc, below, 0);
            Widen(below);
            Variable(OpCodes.Ldloc, top, 1);
            Widen(top);
        }

        _code.Add((byte)OpCodes.Ldc_I4.Value);
        AddInt32(TraceRuntime.Register(new NumberSite(method, instruction.Offset, operation, isReal)));
        _code.Add((byte)OpCodes.Call.Value);
        AddInt32(info.GetTokenFor((isReal ? TraceRuntime.RealNumbers : TraceRuntime.Integers).MethodHandle));
        if (operation is not (NumberOperation.Switch or NumberOperation.Test or NumberOperation.Truncate
            or NumberOperation.Narrow))
        {
            Variable(OpCodes.Ldloc, below, 0);
            Variable(OpCodes.Ldloc, top, 1);
        }
    }

    // The array stays below while it and the position are recorded. A position is an integer of 32 bits or as wide as
    // an address.
    private void Element(Instruction instruction, StackKind position, DynamicILInfo info)
    {
        var isNative = position != StackKind.Int32;
        if (isNative)
        {
            _code.Add((byte)OpCodes.Conv_I8.Value);
            position = StackKind.Int64;
        }

        Variable(OpCodes.Stloc, position, 1);
        _code.Add((byte)OpCodes.Dup.Value);
        Variable(OpCodes.Ldloc, position, 1);
        Widen(position);
        _code.Add((byte)OpCodes.Ldc_I4.Value);
        AddInt32(TraceRuntime.Register(new NumberSite(method, instruction.Offset, NumberOperation.Call, false)
        {
            Function = TraceRuntime.Element,
        }));
        _code.Add((byte)OpCodes.Call.Value);
        AddInt32(info.GetTokenFor(TraceRuntime.Elements.MethodHandle));
        Variable(OpCodes.Ldloc, position, 1);
        if (isNative)
        {
            _code.Add((byte)OpCodes.Conv_I.Value);
        }
    }

    private static int Bits(OpCode code)
        => code == OpCodes.Conv_U1 ? 8 : code == OpCodes.Conv_I1 ? -8 : code == OpCodes.Conv_U2 ? 16
            : code == OpCodes.Conv_I2 ? -16 : 0;

    private static bool IsUnsigned(OpCode code)
        => code.Name!.Contains(".un", StringComparison.Ordinal)
            && !code.Name.StartsWith("bne", StringComparison.Ordinal);

    private void Widen(StackKind kind)
    {
        if (kind is StackKind.Int32 or StackKind.Single)
        {
            _code.Add((byte)(kind == StackKind.Int32 ? OpCodes.Conv_I8 : OpCodes.Conv_R8).Value);
        }
    }

    private void Variable(OpCode code, StackKind kind, int index)
    {
        _code.Add((byte)(code.Value >> 8));
        _code.Add((byte)code.Value);
        var variable = body.LocalVariables.Count + (((int)kind - 1) * 2) + index;
        _code.Add((byte)variable);
        _code.Add((byte)(variable >> 8));
    }

    private void AddInt32(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _code.AddRange(bytes);
    }

    private void AddInt64(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _code.Add((byte)OpCodes.Ldc_I8.Value);
        _code.AddRange(bytes);
    }

    private void AddReal(double value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        _code.Add((byte)OpCodes.Ldc_R8.Value);
        _code.AddRange(bytes);
    }
}
