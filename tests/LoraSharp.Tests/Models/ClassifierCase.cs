using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Classifiers of sequences, on encoders and on decoders.</summary>
internal static class ClassifierCase
{
    public static void Check(GoldenCase golden)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using SequenceClassifier model = SequenceClassifier.Load(golden.ModelFolder(), CaseChecks.Options(golden));
        var hidden = new List<Tensor>();
        TransformerInputs inputs = CaseChecks.Inputs(tensors, hidden);
        Tensor last = model.HiddenStates(inputs);
        CaseChecks.Hidden(tensors, inputs, hidden, last);
        Tensor logits = model.Classify(inputs, last);
        tensors.AssertClose("expected.logits", logits);
        CaseChecks.Gradients(golden, tensors, model, labels => model.Loss(logits, labels));
        using var noGrad = no_grad();
        tensors.AssertClose("expected.logits", model.Logits(inputs.Ids!, inputs.AttentionMask, inputs.PositionIds, inputs.TokenTypeIds));
    }
}
