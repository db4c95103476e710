//! The rows of an import on their way into the sink, on a thread of its own: gathering and spilling them has nothing to
//! do with the texts that codes stand for, so that the next rows need not wait for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use meterlake_lake::coded::{CodedRows, CodedSink, TextDictionary};
use meterlake_lake::{LakeError, NewFile};

use crate::ImportError;

/// Batches on their way to the sink, while it spills.
const IN_FLIGHT: usize = 4;

/// A sink that takes rows beside.
pub(super) enum Gathering {
    /// Rows go to the thread that has the sink.
    Beside(SyncSender<Arc<CodedRows>>, JoinHandle<Gathered>),
    /// Codes have been forgotten once, so that rows are taken while their texts are known.
    Here(Box<CodedSink>),
    /// Gathering broke off.
    Ended,
}

/// The sink with all rows that it could take.
type Gathered = (Box<CodedSink>, Result<(), LakeError>);

impl Gathering {
    /// Begins to take rows. The thread ends with this value.
    pub(super) fn start(sink: CodedSink) -> Result<Self, ImportError> {
        let (sender, receiver) = sync_channel(IN_FLIGHT);
        let thread = std::thread::Builder::new().name("gather rows".to_owned());
        let thread = thread.spawn(move || gather(Box::new(sink), &receiver));
        Ok(Self::Beside(sender, thread.map_err(|error| ImportError::Task(error.to_string()))?))
    }

    /// Takes rows, at once or soon.
    pub(super) fn take(&mut self, rows: &Arc<CodedRows>, dictionaries: &[TextDictionary]) -> Result<(), ImportError> {
        match self {
            Self::Beside(sender, _) => match sender.send(Arc::clone(rows)) {
                Ok(()) => Ok(()),
                // The thread ended, and tells why.
                Err(_) => self.wait().map(drop),
            },
            Self::Here(sink) => Ok(sink.take(rows, dictionaries)?),
            Self::Ended => Err(broken_off()),
        }
    }

    /// Takes no more rows beside, and lets go of all codes.
    pub(super) fn forget_codes(&mut self, dictionaries: &[TextDictionary]) -> Result<(), ImportError> {
        Ok(self.wait()?.forget_codes(dictionaries)?)
    }

    /// Sorts and writes what was taken.
    pub(super) fn finish(mut self, dictionaries: &[TextDictionary]) -> Result<Vec<NewFile>, ImportError> {
        self.wait()?;
        match self {
            Self::Here(sink) => Ok(sink.finish(dictionaries)?),
            _ => Err(broken_off()),
        }
    }

    /// Stops. Returns why gathering or sorting failed, if it did.
    pub(super) fn abort(mut self) -> Option<ImportError> {
        let failed = self.wait().err();
        match self {
            Self::Here(sink) => failed.or_else(|| sink.abort().map(ImportError::from)),
            _ => failed,
        }
    }

    /// Waits until the sink has taken all rows, and takes the next ones here.
    fn wait(&mut self) -> Result<&mut CodedSink, ImportError> {
        match std::mem::replace(self, Self::Ended) {
            Self::Beside(sender, thread) => {
                drop(sender);
                let (sink, taken) = thread.join().map_err(|_| broken_off())?;
                *self = Self::Here(sink);
                taken?;
            }
            other => *self = other,
        }
        match self {
            Self::Here(sink) => Ok(sink),
            _ => Err(broken_off()),
        }
    }
}

fn broken_off() -> ImportError {
    ImportError::Task("gathering rows broke off".to_owned())
}

fn gather(mut sink: Box<CodedSink>, rows: &Receiver<Arc<CodedRows>>) -> Gathered {
    for rows in rows {
        // Dictionaries matter once codes have been forgotten.
        if let Err(error) = sink.take(&rows, &[]) {
            return (sink, Err(error));
        }
    }
    (sink, Ok(()))
}
