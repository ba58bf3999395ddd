using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;

namespace Slipway.Tracing.Interception;

/// <summary>Copies live methods so that their calls of interest go to stubs.</summary>
/// <remarks>
/// A stub has the signature of the call that it stands for, so that every instruction keeps its size. Fields, types and
/// objects remain the module's own. Then probes are inserted beside what computes with numbers.
/// <code>
/// callvirt Tensor::add(Tensor)         →  call stub(Tensor, Tensor)
/// newobj   Cache::.ctor(Tensor)        →  call stub(Tensor) returning Cache
/// constrained. T, callvirt I::M()      →  nop ×6, call stub(ref T)
/// </code>
/// </remarks>
internal sealed class MethodCopier(StubFactory stubs)
{
    private const int FatClauses = 0x41;
    private const int ClauseSize = 24;
    private const int ClauseHeader = 4;

    /// <summary>Copies a method.</summary>
    /// <returns>The copy; an instance method's object is its first parameter, as <see cref="object"/>.</returns>
    public DynamicMethod Copy(MethodBase method)
    {
        var body = IntermediateCode.Body(method)
            ?? throw new NotSupportedException($"'{method.DeclaringType}.{method.Name}' has no managed body.");
        var signature = CallSignature.OfCopy(method);
        DynamicMethod copy = new(
            method.Name, signature.Result, [.. signature.Parameters], method.Module, skipVisibility: true)
        {
            InitLocals = body.InitLocals,
        };
        var info = copy.GetDynamicILInfo();
        GenericScope scope = new(method);
        var original = body.GetILAsByteArray()!;
        var code = Code(method, original, scope, info);

        // The numbers of torch's own code follow from those that the module gives it.
        NumberProbes? probes = CallPolicy.IsTorch(method.Module.Assembly) ? null : new(method, body, original, scope);
        code = probes?.Insert(code, info) ?? code;
        info.SetLocalSignature(LocalSignature(body, probes is null ? [] : NumberProbes.Locals));
        info.SetCode(code, body.MaxStackSize + 1 + NumberProbes.Stack);
        if (body.ExceptionHandlingClauses.Count > 0)
        {
            info.SetExceptions(Clauses(body, info, offset => probes?.Moved(offset) ?? offset));
        }

        return copy;
    }

    private static byte[] LocalSignature(MethodBody body, Type[] added)
    {
        var signature = SignatureHelper.GetLocalVarSigHelper();
        foreach (var local in body.LocalVariables)
        {
            signature.AddArgument(local.LocalType, local.IsPinned);
        }

        foreach (var type in added)
        {
            signature.AddArgument(type, pinned: false);
        }

        return signature.GetSignature();
    }

    private static byte[] Clauses(MethodBody body, DynamicILInfo info, Func<int, int> moved)
    {
        var clauses = body.ExceptionHandlingClauses;
        var bytes = new byte[ClauseHeader + (clauses.Count * ClauseSize)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, FatClauses | (bytes.Length << 8));
        for (var index = 0; index < clauses.Count; index++)
        {
            var clause = clauses[index];
            var last = clause.Flags switch
            {
                ExceptionHandlingClauseOptions.Clause => info.GetTokenFor(clause.CatchType!.TypeHandle),
                ExceptionHandlingClauseOptions.Filter => moved(clause.FilterOffset),
                _ => 0,
            };
            ReadOnlySpan<int> words =
            [
                (int)clause.Flags, moved(clause.TryOffset), Length(clause.TryOffset, clause.TryLength),
                moved(clause.HandlerOffset), Length(clause.HandlerOffset, clause.HandlerLength), last,
            ];
            for (var word = 0; word < words.Length; word++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(
                    bytes.AsSpan(ClauseHeader + (index * ClauseSize) + (word * sizeof(int))), words[word]);
            }
        }

        return bytes;

        int Length(int start, int length) => moved(start + length) - moved(start);
    }

    private byte[] Code(MethodBase method, byte[] original, GenericScope scope, DynamicILInfo info)
    {
        var code = original.ToArray();
        Instruction? constrained = null, tail = null;
        foreach (var instruction in IntermediateCode.Read(original))
        {
            var token = instruction.Code.OperandType is OperandType.InlineNone or OperandType.ShortInlineBrTarget
                or OperandType.ShortInlineI or OperandType.ShortInlineVar or OperandType.InlineVar
                ? 0 : BitConverter.ToInt32(original, instruction.Operand);
            var replaced = 0;
            switch (instruction.Code.OperandType)
            {
                case OperandType.InlineMethod:
                    replaced = Call(method, instruction, code, scope.Method(token), info, constrained is { } prefix
                        ? scope.Type(BitConverter.ToInt32(original, prefix.Operand)) : null,
                        constrained, tail);
                    break;
                case OperandType.InlineField:
                    replaced = Token(scope.Field(token), info);
                    break;
                case OperandType.InlineType:
                    replaced = info.GetTokenFor(scope.Type(token).TypeHandle);
                    break;
                case OperandType.InlineTok:
                    replaced = scope.Member(token) switch
                    {
                        FieldInfo field => Token(field, info),
                        MethodBase target => Token(target, info),
                        Type type => info.GetTokenFor(type.TypeHandle),
                        var member => throw new NotSupportedException($"The token of '{member}' cannot be copied."),
                    };
                    break;
                case OperandType.InlineString:
                    replaced = info.GetTokenFor(scope.Text(token));
                    break;
                case OperandType.InlineSig:
                    throw new NotSupportedException(
                        $"'{method.DeclaringType}.{method.Name}' calls through a function pointer. "
                        + "Call a method or a delegate instead.");
            }

            if (replaced != 0)
            {
                BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(instruction.Operand), replaced);
            }

            constrained = instruction.Code == OpCodes.Constrained ? instruction : null;
            tail = instruction.Code == OpCodes.Tailcall ? instruction : null;
        }

        return code;
    }

    private int Call(
        MethodBase caller, Instruction instruction, byte[] code, MethodBase callee, DynamicILInfo info,
        Type? constraint, Instruction? constrained, Instruction? tail)
    {
        if (instruction.Code != OpCodes.Call && instruction.Code != OpCodes.Callvirt
            && instruction.Code != OpCodes.Newobj)
        {
            return Token(callee, info);
        }

        if (stubs.Find(new CallSite(caller, instruction.Offset, callee, instruction.Code, constraint)) is not { } stub)
        {
            return Token(callee, info);
        }

        foreach (var prefix in new[] { constrained, tail })
        {
            if (prefix is { } bytes)
            {
                code.AsSpan(bytes.Offset, instruction.Offset - bytes.Offset).Fill((byte)OpCodes.Nop.Value);
            }
        }

        code[instruction.Offset] = (byte)OpCodes.Call.Value;
        return info.GetTokenFor(stub);
    }

    private static int Token(FieldInfo field, DynamicILInfo info)
        => field.DeclaringType is { IsGenericType: true } type
            ? info.GetTokenFor(field.FieldHandle, type.TypeHandle)
            : info.GetTokenFor(field.FieldHandle);

    private static int Token(MethodBase method, DynamicILInfo info)
        => method.DeclaringType is { IsGenericType: true } or { IsArray: true }
            ? info.GetTokenFor(method.MethodHandle, method.DeclaringType.TypeHandle)
            : info.GetTokenFor(method.MethodHandle);
}
