namespace Slipway.Tracing.FSharp

open System
open TorchSharp
open TorchSharp.Modules

type Tensor = torch.Tensor

/// Modules on real numbers [batch, rows, 6], as they are written in F#.
[<AbstractClass>]
type Model() =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("Model")

/// Layers one after the other, by an operator.
type Piped() as this =
    inherit Model()
    let (-->) (x: Tensor) (layer: torch.nn.Module<Tensor, Tensor>) = layer.call x
    let first = torch.nn.Linear(6L, 8L)
    let second = torch.nn.Linear(8L, 4L)
    let drop = torch.nn.Dropout(0.5)
    do this.RegisterComponents()
    override _.forward x = (x --> first |> torch.nn.functional.relu) --> drop --> second

type Activation =
    | Relu
    | Scaled of float
    | Chain of Activation list

/// A union that is taken apart by a recursive function.
type Matched() =
    inherit Model()
    let rec run activation (x: Tensor) =
        match activation with
        | Relu -> x.relu ()
        | Scaled by -> x * Scalar.op_Implicit by
        | Chain parts -> parts |> List.fold (fun y part -> run part y) x
    override _.forward x = run (Chain [ Relu; Scaled 3.0; Chain [ Scaled -0.5 ] ]) x

/// Sequences that are computed when they are read.
type Lazy() =
    inherit Model()
    override _.forward x =
        seq {
            let mutable power = x
            for by in 1..3 do
                yield power * Scalar.op_Implicit by
                power <- power * x
        }
        |> Seq.map (fun y -> y + x)
        |> Seq.toArray
        |> fun parts -> torch.cat (parts, -1L)

/// Layers in a list of the language's own, which torch is told of by name.
type Stacked() as this =
    inherit Model()
    let layers = [ for _ in 1..3 -> torch.nn.Linear(6L, 6L) ]
    do layers |> List.iteri (fun index layer -> this.register_module ($"layer{index}", layer))
    override _.forward x =
        (x, layers) ||> List.fold (fun y layer -> y + (layer.call y).tanh ())

/// A loop over heads, with sizes of the input in curried functions.
type Attention() as this =
    inherit Model()
    let qkv = torch.nn.Linear(6L, 18L)
    do this.RegisterComponents()
    let split (batch: int64) length (x: Tensor) = x.view(batch, length, 3L, 2L).transpose (1L, 2L)
    override _.forward x =
        let batch, length = x.shape[0], x.shape[1]
        match (qkv.call x).chunk (3L, -1L) |> Array.map (split batch length) with
        | [| q; k; v |] ->
            let mask = torch.ones(length, length).tril().eq (Scalar.op_Implicit 0)
            let scores = q.matmul(k.transpose (-2L, -1L)) / Scalar.op_Implicit (sqrt 3.0)
            let weights = scores.masked_fill(mask, Scalar.op_Implicit Double.NegativeInfinity).softmax -1L
            weights.matmul(v).transpose(1L, 2L).contiguous().view (batch, length, 6L)
        | _ -> failwith "Three parts are expected."

/// An optional layer, a record of results and a mutable sum.
type Optional(layer: Linear option) as this =
    inherit Model()
    do layer |> Option.iter (fun inner -> this.register_module ("layer", inner))
    new() = new Optional(Some(torch.nn.Linear(6L, 6L)))
    override _.forward x =
        let mutable sum = torch.zeros_like x
        for index in 0..2 do
            let y = layer |> Option.map (fun inner -> inner.call x) |> Option.defaultValue x
            sum <- sum + (if index % 2 = 0 then y else y.neg ())
        sum

/// A tail-recursive loop and a value that is disposed.
type Recursive() =
    inherit Model()
    let rec repeat count (x: Tensor) = if count = 0 then x else repeat (count - 1) (x.sin () + x)
    override _.forward x =
        use scaled = x * Scalar.op_Implicit 0.5
        repeat 4 scaled

/// A size decides the path.
type Branching() =
    inherit Model()
    override _.forward x = if x.shape[1] > 200L then x.relu () else x

/// Makes the modules by name.
module Models =
    let all: (string * Func<Model>) list =
        [ "operators", Func<Model>(fun () -> new Piped())
          "union", Func<Model>(fun () -> new Matched())
          "lazy sequence", Func<Model>(fun () -> new Lazy())
          "list of layers", Func<Model>(fun () -> new Stacked())
          "curried functions", Func<Model>(fun () -> new Attention())
          "option", Func<Model>(fun () -> new Optional())
          "recursion", Func<Model>(fun () -> new Recursive()) ]

    let names = all |> List.map fst |> List.toArray

    let make name = (all |> List.find (fun (key, _) -> key = name) |> snd).Invoke()
