using LoraSharp.Training;

namespace LoraSharp.Tests.Training;

/// <summary>Notes every event, and does at one of them what a test wants.</summary>
internal sealed class RecordingCallback(Action<string, TrainerContext>? act = null) : TrainerCallback
{
    public List<string> Events { get; } = [];

    public override void OnInitEnd(TrainerContext context) => Note(nameof(OnInitEnd), context);

    public override void OnTrainBegin(TrainerContext context) => Note(nameof(OnTrainBegin), context);

    public override void OnTrainEnd(TrainerContext context) => Note(nameof(OnTrainEnd), context);

    public override void OnEpochBegin(TrainerContext context) => Note(nameof(OnEpochBegin), context);

    public override void OnEpochEnd(TrainerContext context) => Note(nameof(OnEpochEnd), context);

    public override void OnStepBegin(TrainerContext context) => Note(nameof(OnStepBegin), context);

    public override void OnSubstepEnd(TrainerContext context) => Note(nameof(OnSubstepEnd), context);

    public override void OnPreOptimizerStep(TrainerContext context) => Note(nameof(OnPreOptimizerStep), context);

    public override void OnOptimizerStep(TrainerContext context) => Note(nameof(OnOptimizerStep), context);

    public override void OnStepEnd(TrainerContext context) => Note(nameof(OnStepEnd), context);

    public override void OnEvaluate(TrainerContext context, IReadOnlyDictionary<string, double> metrics) => Note(nameof(OnEvaluate), context);

    public override void OnPredict(TrainerContext context, IReadOnlyDictionary<string, double> metrics) => Note(nameof(OnPredict), context);

    public override void OnPredictionStep(TrainerContext context) => Note(nameof(OnPredictionStep), context);

    public override void OnSave(TrainerContext context) => Note(nameof(OnSave), context);

    public override void OnLog(TrainerContext context, IReadOnlyDictionary<string, double> logs) => Note(nameof(OnLog), context);

    private void Note(string name, TrainerContext context)
    {
        Events.Add(name);
        act?.Invoke(name, context);
    }
}
